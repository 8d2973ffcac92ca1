# The image of every service of docker-compose.yml that is ours. Packages are locked with hashes; nothing else comes in.
# No compiler, no test, no embedded server; the code belongs to root, and the service account may only read it.
FROM python:3.11.13-slim-bookworm AS packages
COPY requirements/bootstrap.txt requirements/image.txt /requirements/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement /requirements/bootstrap.txt \
    && /opt/venv/bin/uv pip sync --no-cache --python /opt/venv/bin/python --require-hashes /requirements/image.txt
COPY pyproject.toml README.md LICENSE /opt/extracts/
COPY extracts /opt/extracts/extracts
COPY expectations /opt/extracts/expectations
COPY sql /opt/extracts/sql
COPY examples/governance /opt/extracts/examples/governance
COPY dags /opt/extracts/dags
RUN /opt/venv/bin/uv pip install --no-cache --python /opt/venv/bin/python --no-deps --no-build-isolation \
        --editable /opt/extracts \
    && /opt/venv/bin/python -m compileall -q /opt/venv /opt/extracts

FROM python:3.11.13-slim-bookworm
# ssh-keygen signs and verifies. Its version is that of the base image's Debian release, with security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openssh-client \
    && rm -rf /var/lib/apt/lists/*
# The account that every container runs as; ssh-keygen and Airflow want it to have a name.
ARG SERVICE_UID=10001
RUN useradd --uid "${SERVICE_UID}" --no-create-home --home-dir /tmp --shell /usr/sbin/nologin extracts
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /opt/extracts /opt/extracts
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    LANG=C.UTF-8 \
    TZ=UTC
WORKDIR /tmp
USER ${SERVICE_UID}
CMD ["extracts", "--help"]
