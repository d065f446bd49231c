# The gateway in a container: `docker build -t ainfera .`, then `docker run -v ainfera:/var/lib/ainfera -p 8080:8080 ainfera`.
# Its folder holds the SQLite file, the audit key and the spool: without a volume there, calls are lost with the container.
FROM rust:1.95-slim-bookworm AS chef
RUN cargo install cargo-chef --version ^0.1 --locked
WORKDIR /src

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json --bin ainfera

# Dependencies are a layer of their own: a change of the program does not build them again.
FROM chef AS build
COPY --from=plan /src/recipe.json recipe.json
RUN cargo chef cook --release --locked --recipe-path recipe.json --bin ainfera
COPY . .
RUN cargo build --release --locked --bin ainfera

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/ainfera --shell /usr/sbin/nologin ainfera \
 && install -d -o ainfera -g ainfera -m 0700 /var/lib/ainfera
COPY --from=build /src/target/release/ainfera /usr/local/bin/ainfera
USER 10001:10001
WORKDIR /var/lib/ainfera
VOLUME /var/lib/ainfera
EXPOSE 8080
# Alive, not ready: a database that is away is no reason to start the gateway again.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["ainfera"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
