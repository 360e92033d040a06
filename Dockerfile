# Both stages are of one Debian release: the program links the C library of the first and runs on that
# of the second.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# The image has the C compiler that aws-lc needs.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin palisade \
    && install -D -m 0755 target/release/palisade /out/palisade

# No shell, no package manager, no root: one program and the C library.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Palisade" \
      org.opencontainers.image.description="A policy-driven authorization sidecar" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/palisade /usr/local/bin/palisade

# palisade.yaml and what it names are mounted here, read-only. Palisade writes nothing but its audit
# records, to stdout or to a file on a volume: `docker run --read-only` works.
WORKDIR /etc/palisade
ENV PALISADE_CONFIG=/etc/palisade/palisade.yaml

# By number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532

# Requests; metrics and probes. The control listener stays on loopback.
EXPOSE 8080 9901

# The program asks its own probe: there is no shell and no curl in here.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/palisade", "health"]

ENTRYPOINT ["/usr/local/bin/palisade"]
CMD ["serve"]
