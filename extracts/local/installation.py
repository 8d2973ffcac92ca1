"""What `LocalAirflow` runs: the demo's Airflow of four parts, or the production shape with its queue and workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Part:
    """A program that is started: its name, command, and all that it sees of the environment."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


class Installation(Protocol):
    """An Airflow that can be started in one home."""

    @property
    def home(self) -> Path:
        """EXTRACTS_HOME."""

    @property
    def folder(self) -> Path:
        """AIRFLOW_HOME; parts run in it, and their logs are below it."""

    @property
    def awaited(self) -> frozenset[str]:
        """Who must be healthy before it counts as started."""

    def healthy(self, url: str) -> set[str]:
        """Who is healthy now."""

    def passwords(self) -> dict[str, str]:
        """The users' passwords, made if missing."""

    def write(self, port: int) -> None:
        """Makes ready what the parts read, for an API server on this port."""

    def migration(self) -> Part:
        """What brings Airflow's database to this version."""

    def parts(self) -> tuple[Part, ...]:
        """What runs, in the order in which it starts."""

    def blank_out(self, text: str) -> str:
        """`text` without this installation's secrets."""
