# Weir with the Kafka addon. Three stages: the bundle, the packages it needs at run time, the image.
FROM node:22-bookworm-slim AS build
WORKDIR /weir
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund && npm run build

FROM node:22-bookworm-slim AS packages
# librdkafka is compiled into the addon and linked to the system's libraries.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends \
      g++ make python3 libssl-dev libsasl2-dev libcurl4-openssl-dev liblz4-dev libzstd-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /weir
COPY . .
RUN npm ci --ignore-scripts --omit=dev --workspace=@weir/weir --no-audit --no-fund && npm run kafka:build

FROM node:22-bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends \
      libssl3 libsasl2-2 libcurl4 liblz4-1 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir /data && chown 1000:1000 /data
WORKDIR /weir
COPY --from=packages /weir/node_modules node_modules
COPY --from=build /weir/apps/weir/dist apps/weir/dist
COPY --from=build /weir/apps/weir/package.json apps/weir/package.json
COPY LICENSE ./
ENV NODE_ENV=production UV_THREADPOOL_SIZE=8
USER 1000
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["node", "/weir/apps/weir/dist/main.js", "-data-dir=/data"]
CMD ["-target=all"]
