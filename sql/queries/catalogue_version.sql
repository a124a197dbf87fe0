-- The installed version. Run with the catalogue's search_path.
SELECT get_version() AS version
