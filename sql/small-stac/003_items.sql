-- Throws where a time is missing or malformed. Times without a zone are UTC.
CREATE OR REPLACE FUNCTION stac_small.content_dehydrate(content jsonb) RETURNS stac_small.items
LANGUAGE plpgsql STABLE SET search_path TO stac_small, public SET timezone TO 'UTC' AS $$
DECLARE
  props jsonb := content -> 'properties';
  item items;
BEGIN
  item.id := content ->> 'id';
  item.geometry := ST_SetSRID(ST_GeomFromGeoJSON(content ->> 'geometry'), 4326);
  item.collection := content ->> 'collection';
  item.datetime := coalesce(props ->> 'start_datetime', props ->> 'datetime')::timestamptz;
  item.end_datetime := coalesce(props ->> 'end_datetime', props ->> 'datetime')::timestamptz;
  item.content := content;
  IF item.datetime IS NULL OR item.end_datetime IS NULL THEN
    RAISE EXCEPTION 'item % has neither datetime nor both start_datetime and end_datetime', item.id
      USING ERRCODE = 'not_null_violation';
  END IF;
  RETURN item;
END
$$;

CREATE OR REPLACE FUNCTION stac_small.get_item(_id text, _collection text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT content FROM stac_small.items WHERE id = _id AND (_collection IS NULL OR collection = _collection);
$$;
