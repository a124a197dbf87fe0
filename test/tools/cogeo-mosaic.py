"""Reads a file of {"files": [...]}, {"features": [...], "minzoom", "maxzoom"} or {"mosaic": {...}, "tiles": [[x, y, z], ...]}.

Writes the mosaic of cogeo-mosaic, or for a mosaic the share of valid pixels in each tile that its reader draws.
"""

import json
import sys

from cogeo_mosaic.backends.memory import MemoryBackend
from cogeo_mosaic.mosaic import MosaicJSON


def made(task):
    if "files" in task:
        # One thread: the order of the assets is then the one given.
        return MosaicJSON.from_urls(task["files"], max_threads=1)
    return MosaicJSON.from_features(task["features"], task["minzoom"], task["maxzoom"])


def drawn(task):
    with MemoryBackend(mosaic_def=MosaicJSON(**task["mosaic"])) as mosaic:
        return [float((mosaic.tile(*tile)[0].mask > 0).mean()) for tile in task["tiles"]]


with open(sys.argv[1]) as file:
    task = json.load(file)
result = drawn(task) if "mosaic" in task else made(task).model_dump(exclude_none=True)
json.dump(result, sys.stdout)
