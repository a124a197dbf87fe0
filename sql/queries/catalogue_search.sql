-- $1 a STAC API search body. Result: `found`, a FeatureCollection. pgSTAC notes each different search in a table.
SELECT search($1::jsonb) AS found
