# atro-etl in a container: settings by ATRO_… variables or mounted secrets, state on the volume.
#
#   docker build -t atro-etl .
#   docker run --rm -v atro-state:/state -v "$PWD:/data:ro" -w /data \
#     -e ATRO_URL -e ATRO_USERNAME -e ATRO_PASSWORD_FILE=/run/secrets/atro \
#     atro-etl import mappings/products.yaml

FROM python:3.11-slim AS build
WORKDIR /build
COPY constraints.txt pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/atro-etl \
    && /opt/atro-etl/bin/pip install --no-cache-dir --constraint constraints.txt hatchling
COPY etl ./etl
COPY mappings ./mappings
COPY samples ./samples
RUN /opt/atro-etl/bin/pip wheel --no-deps --no-build-isolation --constraint constraints.txt --wheel-dir dist . \
    && python -m venv --clear /opt/atro-etl \
    && /opt/atro-etl/bin/pip install --no-cache-dir --constraint constraints.txt dist/*.whl

FROM python:3.11-slim
COPY --from=build /opt/atro-etl /opt/atro-etl
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin atro \
    && mkdir /state \
    && chown atro /state
ENV PATH=/opt/atro-etl/bin:$PATH
ENV PYTHONUNBUFFERED=1
ENV ATRO_STATE_DIR=/state
VOLUME /state
USER atro
WORKDIR /state
ENTRYPOINT ["atro-etl"]
