"""The production shape's databases: the script that the PostgreSQL image runs, and the migration that follows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from extracts.local.postgres import EmbeddedPostgres
from extracts.local.programs import wheel_programs
from extracts.production.compose import PLACES
from extracts.production.preparation import prepare
from extracts.production.secrets import ROLES
from extracts.production.shape import MIGRATE_REGISTER, shape
from extracts.settings import PROJECT

SCRIPT = PROJECT / "sql" / "production" / "databases.sql"


class Installation:
    """A new server, as the image leaves it: secrets made, the script run once."""

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        prepare(folder, 1, 1)
        self.server, self.secrets = server, folder / "secrets"
        script = folder / "databases.sql"
        script.write_text(SCRIPT.read_text().replace("/run/secrets", str(self.secrets)))
        psql = [str(wheel_programs() / "bin" / "psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
        self.done = subprocess.run(
            [*psql, f"--file={script}", server.conninfo("postgres")], capture_output=True, text=True, check=False
        )

    def as_role(self, secret: str, database: str) -> psycopg.Connection:
        """A connection with the password that a service would read."""
        port, passfile = self.server.current_port(), str(self.secrets / secret)
        address = make_conninfo("", host="127.0.0.1", port=port, dbname=database, user=ROLES[secret], passfile=passfile)
        return psycopg.connect(address, autocommit=True)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("production"), durable=False)
    server.start()
    try:
        yield Installation(server, tmp_path_factory.mktemp("prepared"))
    finally:
        server.stop()


def test_the_script_runs_in_a_new_server_and_says_no_password(installation: Installation) -> None:
    assert installation.done.returncode == 0, installation.done.stderr
    said = installation.done.stdout + installation.done.stderr + installation.server.log.read_text()
    for secret in ROLES:
        assert (installation.secrets / secret).read_text().strip().rpartition(":")[2] not in said


def test_each_role_enters_its_own_database_and_no_other(installation: Installation) -> None:
    own = {"airflow.pgpass": "airflow", "register.pgpass": "register", "register-migrator.pgpass": "register"}
    for secret, home in own.items():
        installation.as_role(secret, home).close()
        for other in {"airflow", "register", "postgres", "template1"} - {home}:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                installation.as_role(secret, other)


def test_the_register_is_migrated_by_the_shape_s_own_command_and_the_software_owns_nothing_in_it(
    installation: Installation, tmp_path: Path
) -> None:
    here = ("127.0.0.1", installation.server.current_port())
    places = replace(PLACES, state=str(tmp_path), secrets=str(installation.secrets), postgres=here)
    service = next(s for s in shape(places) if s.name == MIGRATE_REGISTER)
    command = [str(Path(sys.executable).with_name(service.command[0])), *service.command[1:]]
    environment = {**service.environment, "PATH": os.environ["PATH"]}
    for said in ("Applied: 0001", "nothing was missing"):
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
    with installation.as_role("register.pgpass", "register") as software:
        assert software.execute("SELECT count(*) FROM ledger.event").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            software.execute("DELETE FROM ledger.event")


def test_the_set_up_page_makes_the_same_roles() -> None:
    page = (PROJECT / "docs" / "how-to" / "set-up-production.md").read_text()
    pattern = r"CREATE ROLE (extracts_\w+) (LOGIN|NOLOGIN)|GRANT (extracts_owner) TO (\w+)"
    assert set(re.findall(pattern, SCRIPT.read_text())) == set(re.findall(pattern, page))
