"""The production shape's queue: its own command starts it, it wants its password and knows which workers are there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from extracts.local.airflow import free_port
from extracts.local.processes import wait_until
from extracts.local.queue_program import queue_program
from extracts.production.compose import PLACES
from extracts.production.health import is_healthy
from extracts.production.secrets import make_secrets
from extracts.production.service import Places
from extracts.production.shape import REDIS, shape


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """A queue on this machine."""
    folder = tmp_path_factory.mktemp("queue")
    places = replace(PLACES, secrets=str(folder / "secrets"), listen="127.0.0.1", redis=("127.0.0.1", free_port(None)))
    make_secrets(folder / "secrets", places)
    command = next(service for service in shape(places) if service.name == REDIS).command
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([queue_program(), *command[1:]], cwd=folder, stdout=log, stderr=log)
        try:
            assert wait_until(lambda: b"Ready to accept connections" in (folder / "log").read_bytes(), 60)
            yield places
        finally:
            server.terminate()
            server.wait(60)
    assert [path.name for path in folder.iterdir() if path.name not in ("log", "secrets")] == [], "it keeps nothing"


def broker_url(places: Places) -> str:
    return (Path(places.secrets) / "broker.url").read_text()


def test_who_has_no_password_or_a_wrong_one_is_refused(queue: Places) -> None:
    host, port = queue.redis
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host, port).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host, port, password="redis").ping()
    assert redis.Redis.from_url(broker_url(queue)).ping()


def test_a_worker_is_healthy_while_it_answers_through_the_queue(queue: Places, tmp_path: Path) -> None:
    asked = ("worker", "celery@worker-1", f"{queue.secrets}/broker.url")
    assert not is_healthy(*asked)
    (tmp_path / "app.py").write_text(f"from celery import Celery\napp = Celery(broker={broker_url(queue)!r})\n")
    command = [
        sys.executable,
        "-m",
        "celery",
        "--app",
        "app",
        "worker",
        "--without-mingle",
        "--pool",
        "solo",
        "--hostname",
        asked[1],
    ]
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
        try:
            assert wait_until(lambda: is_healthy(*asked), 60, 0.1), (tmp_path / "log").read_text()
            assert not is_healthy("worker", "celery@worker-2", asked[2])
        finally:
            worker.kill()
            worker.wait(60)
    assert not is_healthy(*asked)
