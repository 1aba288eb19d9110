# The server's image: watersmeet in a virtual environment of its own, run by a user without rights.
FROM python:3.11-slim-bookworm AS build
# A compiler for the decoders of rows; it stays in this stage.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python -m venv /opt/watersmeet
COPY pyproject.toml setup.py README.md LICENSE ./
COPY watersmeet watersmeet
COPY server server
COPY planner planner
COPY connectors connectors
COPY auth auth
RUN /opt/watersmeet/bin/pip install --no-cache-dir .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin watersmeet \
    && install --directory --owner watersmeet /var/lib/watersmeet
COPY --from=build /opt/watersmeet /opt/watersmeet
COPY deploy/healthcheck.py /opt/watersmeet/healthcheck.py
ENV PATH=/opt/watersmeet/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/watersmeet
EXPOSE 32010
# A drained or starting server is not healthy: the probe asks gRPC's health service, not the port.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "/opt/watersmeet/healthcheck.py"]
CMD ["watersmeet", "serve", "--config", "/etc/watersmeet/watersmeet.yaml", "--log-format", "json"]
