"""The secrets of the production shape, one file each: which there are, and making those that can be made.

Rules:
1. A secret has no default. Those that any long random text will do for are made, once; the others come from people.
2. Files are 0600 in a 0700 folder, owned by the account that every container runs as.
3. What is there is kept, so that making them again signs nobody out. Two follow from others and are written each time.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from extracts.production.service import Places

MADE: Final = {
    "postgres.password": "PostgreSQL's superuser",
    "airflow.pgpass": "role of Airflow's metadata, as libpq reads it",
    "register.pgpass": "role of the software in the register, likewise",
    "register-migrator.pgpass": "role that migrates the register, likewise",
    "redis.conf": "password of the queue, as a line of its configuration",
    "broker.url": "address of the queue, with that password",
    "fernet.key": "Airflow encrypts its connections with it",
    "api.secret": "Airflow signs its sessions with it",
    "jwt.secret": "Airflow's parts know each other by it",
}
GIVEN: Final = {
    "service.key": "the SSH key that signs manifests",
    "source.pgpass": "passwords of the agreements' roles in the sources, as libpq reads them",
}
ROLES: Final = {
    "airflow.pgpass": "airflow",
    "register.pgpass": "extracts_app",
    "register-migrator.pgpass": "extracts_migrator",
}


def make_secrets(folder: Path, places: Places) -> list[str]:
    """Makes what is missing; the names of those that were made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [name for name in MADE if name != "broker.url" and not (folder / name).exists()]
    for name in made:
        write_secret(folder / name, _fresh(name))
    password = (folder / "redis.conf").read_text().split()[1]
    host, port = places.redis
    write_secret(folder / "broker.url", f"redis://:{password}@{host}:{port}/0")
    return made


def missing_secrets(folder: Path) -> list[str]:
    """What people still have to put there."""
    return [name for name in GIVEN if not (folder / name).is_file()]


def make_passwords(file: Path, users: Iterable[str]) -> None:
    """A password for everybody who has none yet, in Airflow's own file of them."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    wanted = {name: known.get(name) or secrets.token_urlsafe(18) for name in users}
    if wanted != known:
        write_secret(file, json.dumps(wanted))


def write_secret(path: Path, text: str) -> None:
    """Writes a 0600 file so that it is there whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    unfinished.rename(path)


def _fresh(name: str) -> str:
    if name in ROLES:
        return f"*:*:*:{ROLES[name]}:{secrets.token_urlsafe(24)}\n"
    if name == "redis.conf":
        return f"requirepass {secrets.token_urlsafe(24)}\n"
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()  # as the Fernet key must be
