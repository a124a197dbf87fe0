-- [west, south, east, north] or the same with heights; west greater than east crosses the antimeridian.
CREATE OR REPLACE FUNCTION stac_small.search_box(box jsonb) RETURNS public.geometry
LANGUAGE plpgsql IMMUTABLE SET search_path TO stac_small, public AS $$
DECLARE
  flat boolean := jsonb_array_length(box) = 4;
  west float8 := (box ->> 0)::float8;
  south float8 := (box ->> 1)::float8;
  east float8 := (box ->> CASE WHEN flat THEN 2 ELSE 3 END)::float8;
  north float8 := (box ->> CASE WHEN flat THEN 3 ELSE 4 END)::float8;
BEGIN
  IF jsonb_array_length(box) NOT IN (4, 6) OR south > north THEN
    RAISE EXCEPTION 'bbox is not [west, south, east, north]' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF west <= east THEN
    RETURN ST_MakeEnvelope(west, south, east, north, 4326);
  END IF;
  RETURN ST_Collect(ST_MakeEnvelope(west, south, 180, north, 4326), ST_MakeEnvelope(-180, south, east, north, 4326));
END
$$;

-- One instant, or two with a slash between them of which one may be open ("..", or empty).
CREATE OR REPLACE FUNCTION stac_small.search_span(text) RETURNS tstzrange
LANGUAGE sql STABLE SET timezone TO 'UTC' AS $$
  SELECT CASE WHEN $1 LIKE '%/%'
    THEN tstzrange(nullif(nullif(split_part($1, '/', 1), '..'), '')::timestamptz,
                   nullif(nullif(split_part($1, '/', 2), '..'), '')::timestamptz, '[]')
    ELSE tstzrange($1::timestamptz, $1::timestamptz, '[]')
  END;
$$;

CREATE OR REPLACE FUNCTION stac_small.search_list(jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN $1 IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text($1)) END;
$$;

-- A STAC API search by ids, collections, bbox, intersects, datetime and limit; newest first, then by id. What it cannot
-- do it refuses, so that a filter is never silently left out.
-- Plans are made anew each time: most of the conditions are absent in any one search, and a general plan for all of
-- them would not use an index.
CREATE OR REPLACE FUNCTION stac_small.search(_search jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path TO stac_small, public SET plan_cache_mode TO force_custom_plan AS $$
DECLARE
  unknown text := (SELECT string_agg(key, ', ') FROM jsonb_object_keys(_search) AS key
    WHERE key NOT IN ('ids', 'collections', 'bbox', 'intersects', 'datetime', 'limit', 'conf'));
  wanted_ids text[] := search_list(_search -> 'ids');
  wanted_collections text[] := search_list(_search -> 'collections');
  area geometry := CASE
    WHEN _search ? 'intersects' THEN ST_SetSRID(ST_GeomFromGeoJSON(_search ->> 'intersects'), 4326)
    WHEN _search ? 'bbox' THEN search_box(_search -> 'bbox') END;
  span tstzrange := search_span(_search ->> 'datetime');
  features jsonb;
BEGIN
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'the small STAC schema cannot search by %', unknown USING ERRCODE = 'feature_not_supported';
  END IF;
  SELECT coalesce(jsonb_agg(content ORDER BY datetime DESC, id DESC), '[]') INTO features FROM (
    SELECT content, datetime, id FROM items
    WHERE (wanted_ids IS NULL OR id = ANY (wanted_ids))
      AND (wanted_collections IS NULL OR collection = ANY (wanted_collections))
      AND (area IS NULL OR ST_Intersects(geometry, area))
      AND (span IS NULL OR (datetime <= coalesce(upper(span), 'infinity') AND end_datetime >= coalesce(lower(span), '-infinity')))
    ORDER BY datetime DESC, id DESC
    LIMIT coalesce((_search ->> 'limit')::int, 10)
  ) AS found;
  RETURN jsonb_build_object('type', 'FeatureCollection', 'features', features, 'links', '[]'::jsonb,
    'numberReturned', jsonb_array_length(features));
END
$$;

CREATE OR REPLACE FUNCTION stac_small.search_query(
  _search jsonb DEFAULT '{}', updatestats boolean DEFAULT false, _metadata jsonb DEFAULT '{}'
) RETURNS stac_small.searches
LANGUAGE sql AS $$
  INSERT INTO stac_small.searches AS s (search, metadata) VALUES (_search, _metadata)
  ON CONFLICT (hash) DO UPDATE SET lastused = now(), usecount = s.usecount + 1
  RETURNING *;
$$;
