"""A real Airflow on a world of its own, for tests that look at it as people do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from extracts.local.airflow import LocalAirflow
from extracts.local.airflow_client import AirflowClient
from extracts.local.airflow_config import AirflowConfig, User
from extracts.local.home import DemoHome
from extracts.local.people import CONTROLLER
from extracts.settings import PROJECT
from tests.support.world import World, copied

REVIEWERS = ("legal", "dpo", "security", "owner", "board")
STARTS = "consideration"
USERS = (
    User("engineer", "op"),
    *(User(name, "viewer") for name in ("forum", "callum", "aileen", "controller")),
    User(CONTROLLER, "op"),
    *(User(name, "user") for name in (*REVIEWERS, STARTS)),
)


@dataclass(frozen=True)
class Scene:
    """Airflow, and the world that it runs on. `database`: where it keeps what it knows."""

    world: World
    airflow: LocalAirflow
    database: str

    @property
    def engineer(self) -> AirflowClient:
        """The data engineer, signed in."""
        return self.airflow.client("engineer")


def dag(request_id: str) -> str:
    """The id of an agreement's DAG."""
    return f"extract__{request_id}"


@contextmanager
def a_scene(template: DemoHome, folder: Path, database: str) -> Iterator[Scene]:
    """Airflow on a copy of the template, not yet started; ended, and its database gone, whatever happens."""
    with copied(template, folder / "home") as world:
        airflow = LocalAirflow(_config(world, database))
        try:
            yield Scene(world, airflow, database)
        finally:
            airflow.stop()
            world.home.postgres.drop_database(database)


def _config(world: World, database: str) -> AirflowConfig:
    world.home.postgres.create_role(database)
    world.home.postgres.create_database(database, database)
    return AirflowConfig(
        home=world.home.home,
        database_url=world.home.postgres.url(database, database, driver="psycopg2"),
        dags_folder=PROJECT / "dags",
        users=USERS,
        environment={
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "EXTRACTS_REGISTER_URL": world.work.register_url,
            "EXTRACTS_RETRIES": "1",
            "EXTRACTS_RETRY_SECONDS": "1",
        },
        parallelism=2,
        dags_start_paused=False,
        considers_as=STARTS,
    )
