# Three stages: the service without torch, the starter bundle with it, and the image that takes from both.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

FROM base AS service
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY triage triage
RUN python -m venv /opt/triage \
    && /opt/triage/bin/pip install --constraint constraints.txt .

FROM base AS bundle
# A package index with CPU builds of torch; the usual one brings CUDA on Linux. Only torch is taken from it.
ARG TORCH_INDEX=""
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY triage triage
COPY training training
RUN python -m venv /opt/training \
    && /opt/training/bin/pip install --no-deps ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
        "$(grep '^torch==' constraints.txt)" \
    && /opt/training/bin/pip install --constraint constraints.txt '.[train]'
RUN /opt/training/bin/python -m training starter --models /models

FROM base AS final
LABEL org.opencontainers.image.title="Triage" \
      org.opencontainers.image.description="Incident triage: priority, owning team, recurrence, escalation path" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/triage triage \
    && install --directory --owner triage --group triage --mode 0700 /var/lib/triage
COPY --from=service /opt/triage /opt/triage
COPY --from=bundle --chown=triage:triage /models /models
COPY config /etc/triage
ENV PATH=/opt/triage/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TRIAGE_HOST=0.0.0.0 \
    TRIAGE_PORT=8080 \
    TRIAGE_DATA_DIR=/var/lib/triage \
    TRIAGE_MODELS_DIR=/models \
    TRIAGE_CONFIG_DIR=/etc/triage
USER triage
WORKDIR /var/lib/triage
VOLUME /var/lib/triage
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['TRIAGE_PORT']), timeout=3); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["triage"]
CMD ["serve"]
