"""A whole small world for tests of the path: source, register, people, decisions; without Airflow.

Made once per session and copied for each test: the register from a template database, the folders by copying them.
The source is shared, so a test that changes it makes its own (`own_source`) or undoes what it did.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from extracts import signing
from extracts.agreement.decision import OrderKind
from extracts.local.home import REGISTER, SOURCE, DemoHome
from extracts.local.passwords import write_secret
from extracts.local.people import CONTROLLER
from extracts.local.postgres import EmbeddedPostgres
from extracts.local.processes import wait_until
from extracts.local.rehearsing import rehearse_all
from extracts.local.world import apply_scripts, decide_all, fill_source
from extracts.settings import PROJECT, open_workplace
from extracts.steps.orders import draw_up_order, sign_order
from extracts.steps.run import RunKey, run_all
from extracts.steps.workplace import Workplace

SCP, FIFE, ANALYSTS, REFUSED = "SDDSB-2026-014", "SDDSB-2026-021", "SDDSB-2026-027", "SDDSB-2026-033"
AGREEMENTS = (SCP, FIFE, ANALYSTS)
PEOPLE = 100_000  # fewer would put too many pensioners into small cells
_numbers = count(1)


def _quiet(_: str) -> None:
    return None


@dataclass
class World:
    """One test's world. `now` can be moved; the source was loaded when the session began."""

    home: DemoHome
    work: Workplace
    started_at: datetime
    _clock: list[timedelta] = field(default_factory=lambda: [timedelta(0)])

    @property
    def register(self) -> str:
        """The name of this world's register database."""
        return self.work.register.url.database or ""

    def later(self, **time: float) -> None:
        """Let time pass."""
        self._clock[0] += timedelta(**time)

    def run(self, request_id: str, **key: Any) -> dict[str, Any]:
        """One run, all gates; how it ended."""
        return run_all(self.work, self.key(request_id, **key))

    def key(self, request_id: str, **key: Any) -> RunKey:
        """A run that nobody else has."""
        return RunKey(request_id, f"test-{next(_numbers)}", **key)

    def order(self, request_id: str, kind: OrderKind, signer: str = CONTROLLER) -> str:
        """A signed order, put into effect."""
        order = draw_up_order(self.work, request_id, kind, "A test needs it.")
        return sign_order(
            self.work, order, signing.sign(order.canonical(), self.home.people.key(signer), signing.ORDER)
        )

    def deliveries(self, request_id: str = "") -> list[Path]:
        """Folders that a recipient can see."""
        found = sorted(self.work.places.drop_zone.glob(f"*/{request_id or '*'}/*/manifest.json"))
        return [path.parent for path in found]

    def staged(self) -> list[Path]:
        """Everything that lies in staging, which should be nothing after a run."""
        staging = self.work.places.staging
        return sorted(p for p in staging.rglob("*") if p.is_file()) if staging.exists() else []

    def source(self, statements: str) -> None:
        """Change the source as its superuser."""
        with self.home.postgres.superuser(SOURCE) as connection:
            connection.execute(statements.encode())

    def ledger(self, kind: str = "") -> list[Any]:
        """The ledger's events, oldest first."""
        from extracts.record import ledger
        from extracts.record.transaction import reading

        with reading(self.work.register) as view:
            return list(ledger.events(view.connection, kind=kind or None, limit=10_000))


def make_template(folder: Path, pg: EmbeddedPostgres) -> DemoHome:
    """The world that all tests copy: decided, with its roles in the source, nothing delivered."""
    home = replace(DemoHome.at(folder), postgres=pg)
    now = datetime.now(UTC)
    home.home.mkdir(mode=0o700, exist_ok=True)
    home.make_databases(PROJECT / "sql", now)
    home.write_settings(home.people.make())
    fill_source(home, PROJECT / "sql", PEOPLE, now, _quiet)
    work = open_workplace({"EXTRACTS_HOME": str(folder)})
    decided = decide_all(work, home, PROJECT / "examples" / "requests", _quiet)
    apply_scripts(work, home, decided, _quiet)
    rehearse_all(work, home, decided, _quiet)
    work.register.dispose()
    return home


@contextmanager
def copied(template: DemoHome, folder: Path, register: str = REGISTER) -> Iterator[World]:
    """A world of one's own, as the template was left. `register`: the name of its register, which nobody uses now."""
    pg, name = template.postgres, f"register_{next(_numbers)}"
    with pg.superuser() as connection:
        _leave_alone(connection, register)
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {register}".encode())
        connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC".encode())
        connection.execute(f"GRANT CONNECT ON DATABASE {name} TO extracts_app".encode())
    shutil.copytree(template.home, folder, ignore=shutil.ignore_patterns("postgres"), dirs_exist_ok=True)
    folder.chmod(0o700)
    settings = (folder / "settings.env").read_text()
    write_secret(folder / "settings.env", settings.replace(str(template.home), str(folder)))
    home = replace(DemoHome.at(folder), postgres=pg)
    clock = [timedelta(0)]
    work = replace(
        open_workplace({"EXTRACTS_HOME": str(folder)}),
        register_url=pg.url(name, "extracts_app"),
        now=_clock(clock),
    )
    try:
        yield World(home, work, datetime.now(UTC), clock)
    finally:
        work.register.dispose()
        pg.drop_database(name)


def _leave_alone(connection: Any, database: str) -> None:
    """Ends what is still connected to a template, which could not be copied otherwise: pools of tests that are over."""
    there = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = %s"
    connection.execute(f"SELECT pg_terminate_backend(pid) {there}", (database,))
    assert wait_until(lambda: not connection.execute(f"SELECT 1 {there}", (database,)).fetchall(), 90, every_s=0.1)


def _clock(passed: list[timedelta]) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + passed[0]
