CREATE OR REPLACE FUNCTION stac_small.create_collection(data jsonb) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO stac_small.collections (content) VALUES (data);
$$;

CREATE OR REPLACE FUNCTION stac_small.upsert_collection(data jsonb) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO stac_small.collections (content) VALUES (data)
  ON CONFLICT (id) DO UPDATE SET content = excluded.content;
$$;

CREATE OR REPLACE FUNCTION stac_small.get_collection(id text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT c.content FROM stac_small.collections c WHERE c.id = get_collection.id;
$$;
