"""Writes `docker-compose.yml` from the shape, in the terms of the Compose specification.

Rules:
1. Everything runs as one account that is not root and owns the secrets and the state; whoever has not said which gets
   an error, never a default.
2. Root file systems are read-only, no capability is kept, and none can be gained. Only the UI has a port, on 127.0.0.1.
3. Staging is memory: a volume of the kind `tmpfs` that the workers share, so treated rows reach no disk.
4. Secrets are files on the host, each shown to the services that name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from extracts.production.service import Health, Mount, Places, Service
from extracts.production.shape import API, IMAGE, POSTGRES_IMAGE, REDIS, airflow_and_extracts, shape

PLACES: Final = Places(
    state="/var/lib/extracts",
    keys="/var/lib/extracts-keys",
    secrets="/run/secrets",
    logs="/var/log/airflow",
    staging="/var/lib/extracts-staging",
    drop_zone="/var/lib/dropzone",
    sign_in="/var/lib/sign-in",
    airflow_home="/run/airflow",
    dags="/opt/extracts/dags",
    listen="0.0.0.0",  # noqa: S104 (of the container; nothing but the UI is published)
    api=f"http://{API}:8080",
    ui="${UI_URL:-http://localhost:8080}",
    postgres=("postgres", 5432),
    redis=(REDIS, 6379),
    users="admin:admin,engineer:op,forum:viewer",
    postgres_data="/var/lib/postgresql",
)
# Where each folder lies on the host, below the one that the compose file is in.
FOLDERS: Final = {
    "state": "./state/extracts",
    "keys": "./state/keys",
    "logs": "./state/logs",
    "drop_zone": "./state/dropzone",
    "sign_in": "./state/sign-in",
    "postgres_data": "./state/postgres",
}
SECRETS_FOLDER: Final = "./secrets"
_HEAD = """# The production shape. Written by `make docs` from extracts/production/shape.py; do not edit.
# How to use it: docs/how-to/run-in-containers.md
"""
_ACCOUNT = "${SERVICE_UID:?run `extracts production prepare`}:${SERVICE_GID:?run `extracts production prepare`}"
_SETTINGS = "x-airflow-and-extracts"


def compose_text() -> str:
    """The whole file."""
    text = str(yaml.safe_dump(compose_document(), sort_keys=False, width=118))
    return _HEAD + text.replace("id001", "airflow-and-extracts")  # the writer numbers its only anchor


def compose_document() -> dict[str, Any]:
    """The file as plain values."""
    services, shared = shape(PLACES), airflow_and_extracts(PLACES)
    named = sorted({secret for service in services for secret in service.secrets})
    return {
        "name": "governed-extracts",
        _SETTINGS: shared,
        "services": {service.name: _service(service, shared) for service in services},
        "networks": {"inside": {"internal": True}, "outside": {}},
        "volumes": {"staging": {"driver": "local", "driver_opts": _memory()}},
        "secrets": {name: {"file": f"{SECRETS_FOLDER}/{name}"} for name in named},
    }


def _service(service: Service, shared: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"image": service.image}
    if service.image == IMAGE:
        found["build"] = {"context": ".", "args": {"SERVICE_UID": "${SERVICE_UID:?}"}}
    found |= {"hostname": service.name, "command": [_literal(word) for word in service.command], "user": _ACCOUNT}
    if service.environment:
        # The same object, so that the file says it once and refers to it.
        found["environment"] = shared if service.environment == shared else dict(service.environment)
    found |= {"secrets": list(service.secrets), "volumes": _volumes(service), "tmpfs": _scratch(service)}
    found |= {"depends_on": {name: {"condition": str(how)} for name, how in service.after.items()}}
    found |= {"networks": ["inside", "outside"] if service.outside else ["inside"]}
    if service.name == API:
        found["ports"] = ["127.0.0.1:${UI_PORT:-8080}:8080"]
    if service.health:
        found["healthcheck"] = _health(service.health)
    found |= {"restart": "no" if service.once else "unless-stopped", "stop_grace_period": f"{service.stop_within_s}s"}
    found |= {"init": True, "read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    found["mem_limit"] = f"{service.memory_mb}m"
    return {name: value for name, value in found.items() if value not in ({}, [])}


def _volumes(service: Service) -> list[str]:
    found = [_volume(mount) for mount in service.mounts]
    if service.image == POSTGRES_IMAGE:
        found.append("./sql/production/databases.sql:/docker-entrypoint-initdb.d/databases.sql:ro")
    return found


def _volume(mount: Mount) -> str:
    source = FOLDERS.get(mount.place, mount.place)
    return f"{source}:{getattr(PLACES, mount.place)}" + (":ro" if mount.read_only else "")


def _scratch(service: Service) -> list[str]:
    more = {IMAGE: [PLACES.airflow_home], POSTGRES_IMAGE: ["/var/run/postgresql"]}
    return ["/tmp", *more.get(service.image, [])]  # noqa: S108 (in a container of its own)


def _health(health: Health) -> dict[str, Any]:
    return {
        "test": ["CMD", *map(_literal, health.command)],
        "interval": f"{health.every_s}s",
        "timeout": f"{health.patience_s}s",
        "start_period": f"{health.start_s}s",
        "retries": 3,
    }


def _memory() -> dict[str, str]:
    return {"type": "tmpfs", "device": "tmpfs", "o": "size=${STAGING_SIZE:-4g},mode=0700,uid=${SERVICE_UID:?}"}


def _literal(word: str) -> str:
    """A word of a command in which Compose must not fill in a variable of its own."""
    return word.replace("$", "$$")
