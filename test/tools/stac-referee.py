"""Second opinions on STAC items. Takes what to do and a file with JSON, writes JSON.

validate: {"schemas": {url: file}, "items": [...]} -> for each item its problems, by stac-validator.
footprints: [file, ...] -> for each GeoJSON geometries in EPSG:4326 of its valid pixels, by rasterio.
headers: [file, ...] -> for each where its first tile lies, by GDAL.
"""
import json
import sys


def validate(request):
    from stac_validator.stac_validator import StacValidate

    found = []
    for item in request["items"]:
        run = StacValidate(schema_map=request["schemas"])
        run.validate_dict(item)
        found.append([message for message in run.message if not message.get("valid_stac")])
    return found


def footprints(files):
    import rasterio
    from rasterio.features import dataset_features

    found = []
    for file in files:
        with rasterio.open(file) as source:
            options = {"bidx": 1, "sampling": 1, "band": False, "as_mask": True, "with_nodata": False}
            features = list(dataset_features(source, geographic=True, **options))
            found.append([feature["geometry"] for feature in features])
    return found


def headers(files):
    import rasterio

    found = []
    for file in files:
        with rasterio.open(file) as source:
            levels = [None, *range(len(source.overviews(1)))]
            tags = [
                source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1, **({} if level is None else {"ovr": level}))
                for level in levels
            ]
            found.append(min(int(tag) for tag in tags))
    return found


answers = {"validate": validate, "footprints": footprints, "headers": headers}
with open(sys.argv[2]) as request:
    print(json.dumps(answers[sys.argv[1]](json.load(request))))
