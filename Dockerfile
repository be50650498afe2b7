# Two stages: what builds stays behind. The image runs as a plain user, on a read-only root. docs/deploy.md says what each
# part of it costs, and how it is built for amd64 and arm64.
FROM python:3.13 AS build
# not slim, which has no `strip`
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/ requirements/
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-deps --require-hashes -r requirements/build.txt \
 && python -m venv /opt/sbom && /opt/sbom/bin/pip install --no-deps --require-hashes -r requirements/sbom.txt
RUN python -m venv --without-pip /opt/autoreply \
 && /opt/build/bin/pip --python /opt/autoreply/bin/python install --no-deps --require-hashes -r requirements/service.txt \
 && find /opt/autoreply -name '*.so' -exec strip --strip-debug {} +
COPY pyproject.toml README.md LICENSE ./
COPY app/ app/
ARG COMMIT=""
RUN echo "$COMMIT" > app/commit.txt \
 && /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
 && /opt/build/bin/pip --python /opt/autoreply/bin/python install --no-deps wheels/*.whl \
 && /opt/build/bin/pip --python /opt/autoreply/bin/python check \
 && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --sv 1.6 -o /opt/autoreply/sbom.cdx.json /opt/autoreply/bin/python

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin autoreply \
 && install -d -o autoreply -g autoreply /data /config
COPY --from=build /opt/autoreply /opt/autoreply
COPY config.example.toml /config/config.toml
ENV PATH=/opt/autoreply/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    AUTOREPLY_CONFIG=/config/config.toml AUTOREPLY_DATA=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["plivo-autoreply"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
# Last, so that a new commit changes no layer
ARG VERSION=0.1.0
ARG COMMIT=""
ARG CREATED=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="plivo-autoreply" \
      org.opencontainers.image.description="A self-hosted auto-reply service for Plivo SMS numbers." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE"
