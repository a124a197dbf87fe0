-- Registers a search, or finds it again. The id is the catalogue's: it is a hash of jsonb's own text form.
-- $1 search body, $2 metadata. Result: `id`.
SELECT hash AS id FROM search_query($1::jsonb, false, $2::jsonb)
