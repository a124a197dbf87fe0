"""Reads a file of {"files": [...]} or {"features": [...], "minzoom", "maxzoom"} and writes the mosaic of cogeo-mosaic."""

import json
import sys

from cogeo_mosaic.mosaic import MosaicJSON

with open(sys.argv[1]) as file:
    task = json.load(file)
if "files" in task:
    # One thread: the order of the assets is then the one given.
    mosaic = MosaicJSON.from_urls(task["files"], max_threads=1)
else:
    mosaic = MosaicJSON.from_features(task["features"], task["minzoom"], task["maxzoom"])
json.dump(mosaic.model_dump(exclude_none=True), sys.stdout)
