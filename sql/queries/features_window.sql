-- A box in another coordinate reference system: the box around 21 x 21 of its points, and whether they come back.
-- Parameters: $1 west, $2 south, $3 east, $4 north in the first system, $5 its SRID, $6 the other's SRID, $7 how far a
--   point may be off when it has gone there and back.
-- Result: one row, west, south, east, north in the other system; faithful: false where the projection is not one to one.
-- Locks: none.
-- Cost: 882 transformations, about 2 ms.
WITH grid AS (
  SELECT $1::float8 + ($3::float8 - $1::float8) * i / 20 AS x, $2::float8 + ($4::float8 - $2::float8) * j / 20 AS y
  FROM pg_catalog.generate_series(0, 20) AS i, pg_catalog.generate_series(0, 20) AS j
),
there AS (
  SELECT x, y, ST_Transform(ST_SetSRID(ST_MakePoint(x, y), $5::int), $6::int) AS point FROM grid
),
back AS (
  SELECT x, y, point, ST_Transform(point, $5::int) AS again FROM there
)
SELECT
  min(ST_X(point)) AS west,
  min(ST_Y(point)) AS south,
  max(ST_X(point)) AS east,
  max(ST_Y(point)) AS north,
  bool_and(
    abs(ST_Y(again) - y) <= $7::float8
    AND (abs(ST_X(again) - x) <= $7::float8 OR abs(abs(ST_X(again) - x) - 360) <= $7::float8 OR abs(y) = 90)
  ) AS faithful
FROM back
