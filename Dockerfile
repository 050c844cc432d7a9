# syntax=docker/dockerfile:1
# Two stages: the first installs into a virtual environment, the second holds nothing but that environment.

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv /opt/sitrep && python -m venv /opt/builder
# Dependencies first: this layer is made anew only when the lock files change.
COPY requirements/run.lock requirements/build.lock requirements/
RUN /opt/sitrep/bin/pip install --require-hashes --only-binary :all: -r requirements/run.lock \
 && /opt/builder/bin/pip install --require-hashes --only-binary :all: -r requirements/build.lock
COPY pyproject.toml README.md ./
COPY app app
COPY migrations migrations
# The wheel is built with the hashed tools above, not with what an isolated build would fetch.
RUN /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/sitrep/bin/pip install --no-deps --no-index dist/*.whl \
 && /opt/sitrep/bin/pip check \
 && /opt/sitrep/bin/pip uninstall --yes pip setuptools \
 # Compiled here: the file system is read-only where this runs. unchecked-hash = valid whatever the times of files.
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/sitrep

FROM python:3.11.14-slim-bookworm
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Sitrep" \
      org.opencontainers.image.description="Enriches every firing alert before the on-call has opened the laptop." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Writes go to /tmp only, so the root file system may be read-only.
ENV PATH=/opt/sitrep/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONFAULTHANDLER=1 \
    HOME=/tmp
COPY --from=build /opt/sitrep /opt/sitrep
WORKDIR /tmp
# A number, not a name: Kubernetes proves runAsNonRoot only by number.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["sitrep"]
CMD ["serve", "--host", "0.0.0.0"]
