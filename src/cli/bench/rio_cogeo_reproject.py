"""The same work with rasterio and rio-cogeo: reproject through a WarpedVRT, write a COG."""

import sys

import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles

source, target = sys.argv[1:3]
profile = dict(cog_profiles.get("deflate"))
profile.update(blockxsize=512, blockysize=512, predictor=2, num_threads="ALL_CPUS")
with rasterio.open(source) as dataset:
    with WarpedVRT(dataset, crs="EPSG:4326", resampling=Resampling.cubic, add_alpha=False) as warped:
        cog_translate(
            warped,
            target,
            profile,
            overview_resampling="cubic",
            config={"GDAL_NUM_THREADS": "ALL_CPUS", "GDAL_TIFF_INTERNAL_MASK": True},
            in_memory=False,
            quiet=True,
        )
