# syntax=docker/dockerfile:1
# The function app with a GDAL of its own. See docs/deploy.md.
ARG BASE=mcr.microsoft.com/azure-functions/node:4-node22

# GDAL from its release: Debian 12 has 3.6, whose COG driver cannot interleave by band.
FROM ${BASE} AS gdal
ARG GDAL_VERSION=3.12.3
# Set it to have the archive checked.
ARG GDAL_SHA256=
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates cmake curl g++ make pkg-config \
      libcurl4-openssl-dev libdeflate-dev libexpat1-dev libgeos-dev libhdf5-dev libjpeg-dev libjson-c-dev \
      liblzma-dev libnetcdf-dev libopenjp2-7-dev libpng-dev libproj-dev libsqlite3-dev libwebp-dev libxml2-dev \
      libzstd-dev zlib1g-dev
WORKDIR /gdal
RUN curl -fsSL -o gdal.tar.gz \
      "https://github.com/OSGeo/gdal/releases/download/v${GDAL_VERSION}/gdal-${GDAL_VERSION}.tar.gz" \
 && if [ -n "${GDAL_SHA256}" ]; then echo "${GDAL_SHA256}  gdal.tar.gz" | sha256sum -c -; fi \
 && tar xzf gdal.tar.gz --strip-components=1 && rm gdal.tar.gz
# GDAL's own libtiff and LERC know more codecs than Debian's.
RUN cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr/local -DCMAKE_INSTALL_LIBDIR=lib \
      -DBUILD_TESTING=OFF -DBUILD_PYTHON_BINDINGS=OFF -DBUILD_JAVA_BINDINGS=OFF -DBUILD_CSHARP_BINDINGS=OFF \
      -DGDAL_USE_TIFF_INTERNAL=ON -DGDAL_USE_GEOTIFF_INTERNAL=ON -DGDAL_USE_LERC_INTERNAL=ON \
 && cmake --build build --parallel "$(nproc)" --target install \
 && ldconfig
# What the job types use must be inside, or the image is not made.
RUN for codec in LZW DEFLATE JPEG LERC_DEFLATE ZSTD WEBP INTERLEAVE; do \
      gdalinfo --format COG | grep -q "${codec}" || { echo "GDAL was built without ${codec}"; exit 1; }; \
    done \
 && for driver in netCDF JP2OpenJPEG PNG HFA; do \
      gdalinfo --format "${driver}" > /dev/null || { echo "GDAL was built without ${driver}"; exit 1; }; \
    done

FROM gdal AS build
RUN apt-get install -y --no-install-recommends python3
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: gdal-async's own would take a GDAL with fewer codecs, or build one for 18 minutes.
RUN npm ci --ignore-scripts
RUN cd node_modules/gdal-async \
 && node node_modules/@mapbox/node-pre-gyp/bin/node-pre-gyp rebuild --shared_gdal=true --nodedir=/usr --jobs=max
COPY tsconfig.json tsconfig.build.json ./
COPY core core
COPY handlers handlers
COPY infrastructure infrastructure
COPY jobs jobs
COPY src src
RUN npx tsc -p tsconfig.build.json
# The bundled sources are 210 MB; only their data files are looked for when the addon is loaded.
RUN npm prune --omit=dev --ignore-scripts \
 && cd node_modules/gdal-async && rm -rf build \
 && find deps -type f ! -path '*/gdal/data/*' ! -path '*/grib/data/*' ! -path '*/proj/data/*' -delete \
 && find deps -type d -empty -delete

FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends \
      libcurl4 libdeflate0 libexpat1 libgeos-c1v5 libhdf5-103-1 libjpeg62-turbo libjson-c5 liblzma5 libnetcdf19 \
      libopenjp2-7 libpng16-16 libproj25 libsqlite3-0 libwebp7 libxml2 libzstd1 proj-data zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=gdal /usr/local/lib/libgdal.so.* /usr/local/lib/
COPY --from=gdal /usr/local/share/gdal /usr/local/share/gdal
RUN ldconfig
ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    AzureFunctionsJobHost__Logging__Console__IsEnabled=true
WORKDIR /home/site/wwwroot
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
COPY host.json package.json ./
# A library that is missing shows here and not at the first raster.
RUN node -e "const gdal = require('gdal-async'); gdal.SpatialReference.fromEPSG(32633); console.log('GDAL', gdal.version)"
WORKDIR /
