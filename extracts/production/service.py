"""What a service of the production shape is, and all in which one installation may differ from another.

Rules:
1. Commands, settings and secrets are the same wherever it runs. What differs (folders, addresses, who signs in) is a
   field of `Places`, and nothing else is.
2. No secret's value is in a command or in the environment: both name files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class After(StrEnum):
    """What a service waits for in another, in the words of the Compose specification."""

    HEALTHY = "service_healthy"
    DONE = "service_completed_successfully"


@dataclass(frozen=True)
class Places:
    """One installation: where its folders and servers are. Folders are absolute; addresses are host and port."""

    state: str
    keys: str
    secrets: str
    logs: str
    staging: str
    drop_zone: str
    sign_in: str
    airflow_home: str
    dags: str
    listen: str
    api: str
    ui: str
    postgres: tuple[str, int]
    redis: tuple[str, int]
    users: str
    postgres_data: str = ""

    @property
    def api_port(self) -> int:
        """The port on which the API server listens."""
        return int(self.api.rpartition(":")[2])


@dataclass(frozen=True)
class Mount:
    """A folder that a service sees, by the name of the field of `Places` that says where."""

    place: str
    read_only: bool = False


@dataclass(frozen=True)
class Health:
    """The command that ends with 0 while a service is healthy; asked every so many seconds."""

    command: tuple[str, ...]
    every_s: int = 30
    patience_s: int = 20
    start_s: int = 120


@dataclass(frozen=True)
class Service:
    """One service. `once`: it does its work and ends. `outside`: it reaches beyond the shape's own network."""

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    after: Mapping[str, After] = field(default_factory=dict)
    health: Health | None = None
    memory_mb: int = 1_536
    once: bool = False
    outside: bool = False
    stop_within_s: int = 30
