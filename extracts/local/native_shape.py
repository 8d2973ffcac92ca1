"""The production shape on this machine: the same commands, settings and secret files as in `docker-compose.yml`.

Rules:
1. Everything but addresses and folders comes from `extracts.production.shape`; PostgreSQL alone is our embedded one,
   whose roles' passwords become the shape's secrets.
2. Everything listens on 127.0.0.1, on ports that were free.
3. Parts see the shape's environment and what finds programs and texts (PATH, LANG, ...), nothing else of ours.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extracts.local.airflow_config import HEALTHY, User
from extracts.local.installation import HOST, Part
from extracts.local.passwords import write_secret
from extracts.production.health import healthy_parts, healthy_workers
from extracts.production.secrets import make_passwords, make_secrets
from extracts.production.service import Places, Service
from extracts.production.shape import MIGRATE_AIRFLOW, MIGRATE_REGISTER, WORKERS, shape
from extracts.settings import PROJECT

_ELSEWHERE: Final = ("postgres", MIGRATE_REGISTER)  # the demo's world has both before Airflow starts
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "USER", "VIRTUAL_ENV")


@dataclass(frozen=True)
class NativeShape:
    """The shape in one home. `given`: secrets that exist already (name in the shape to file)."""

    home: Path
    postgres_port: int
    users: tuple[User, ...]
    given: Mapping[str, Path] = field(repr=False)
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.home / "airflow")

    @property
    def awaited(self) -> frozenset[str]:
        """Airflow's own parts, and both workers: they answer through the queue, so it is there too."""
        return HEALTHY | set(WORKERS)

    def healthy(self, url: str) -> set[str]:
        """Who is, as the compose file's health checks ask."""
        found = healthy_parts(url)
        if found < HEALTHY:
            return found
        workers = healthy_workers((self.secrets / "broker.url").read_text())
        return found | {node.removeprefix("celery@") for node in workers}

    @property
    def secrets(self) -> Path:
        """The folder of the secret files."""
        return self.home / "secrets"

    def passwords(self) -> dict[str, str]:
        """The users' passwords, made if missing."""
        file = self.home / "sign-in" / "passwords.json"
        make_passwords(file, (user.name for user in self.users))
        found: dict[str, str] = json.loads(file.read_text())
        return found

    def write(self, port: int) -> None:
        """Secrets and passwords; which ports this start uses is kept for the parts."""
        places = self._places(port, _free_port())
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        for name, file in self.given.items():  # links, so that there is one copy, and what comes later is seen
            (self.secrets / name).unlink(missing_ok=True)
            (self.secrets / name).symlink_to(file)
        make_secrets(self.secrets, places)
        self.passwords()
        write_secret(self._ports, json.dumps([port, places.redis[1]]))

    def migration(self) -> Part:
        """What brings Airflow's database to this version."""
        return next(part for part in self._all() if part.name == MIGRATE_AIRFLOW)

    def parts(self) -> tuple[Part, ...]:
        """Queue, Airflow's parts and workers."""
        return tuple(part for part in self._all() if part.name != MIGRATE_AIRFLOW)

    def blank_out(self, text: str) -> str:
        """`text` with every line of every secret file, and every password, replaced."""
        files = [file for file in self.secrets.glob("*") if file.is_file()]
        for secret in sorted(set(_secrets(files)) | set(self.passwords().values()), key=len, reverse=True):
            text = text.replace(secret, "***")
        return re.sub(r"(://[^:@/\s]*):[^@/\s]+@", r"\1:***@", text)

    def places(self) -> Places:
        """Where everything is since the last start."""
        return self._places(*json.loads(self._ports.read_text()))

    @property
    def _ports(self) -> Path:
        return self.folder / "ports.json"

    def _all(self) -> Iterable[Part]:
        return (_part(service) for service in shape(self.places()) if service.name not in _ELSEWHERE)

    def _places(self, port: int, redis_port: int) -> Places:
        url = f"http://{HOST}:{port}"
        return Places(
            state=str(self.home),
            keys=str(self.home / "keys"),
            secrets=str(self.secrets),
            logs=str(self.folder / "logs"),
            staging=str(self.home / "staging"),
            drop_zone=str(self.home / "dropzone"),
            sign_in=str(self.home / "sign-in"),
            airflow_home=str(self.folder),
            dags=str(PROJECT / "dags"),
            listen=HOST,
            api=url,
            ui=url,
            postgres=(HOST, self.postgres_port),
            redis=(HOST, redis_port),
            users=",".join(f"{user.name}:{user.role}" for user in self.users),
        )


def _part(service: Service) -> Part:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # Containers have the service's name for theirs; here it is said, or both workers would have the machine's.
    return Part(service.name, service.command, {**inherited, **service.environment, "HOSTNAME": service.name})


def _secrets(files: Iterable[Path]) -> Iterable[str]:
    for line in (line for file in files for line in file.read_text(errors="replace").splitlines()):
        word = line.rpartition(":")[2] if line.count(":") == 4 else line.rpartition(" ")[2]
        if len(word) >= 12:
            yield word


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
