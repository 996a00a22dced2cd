# A small image with the program and its models. Build the package first, then the image:
#
#     make deb
#     docker build -t restore .
#     docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/photos" restore denoise photo.jpg
#
# scripts/test-packages.sh runs every RUN line in a fresh Debian 12, so keep each on one line.
FROM debian:bookworm-slim
COPY dist/restore_*.deb /tmp/
RUN apt-get update && apt-get install --yes --no-install-recommends /tmp/restore_*.deb && rm -rf /tmp/restore_*.deb /var/lib/apt/lists/*
RUN restore models verify
USER 65534:65534
WORKDIR /photos
ENTRYPOINT ["restore"]
CMD ["--help"]
