"""Makes EXTRACTS_HOME ready for the demo: databases, keys, and the settings that point at them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts.errors import Refused, TechnicalFailure
from extracts.local.passwords import write_secret
from extracts.local.people import SERVICE, People
from extracts.local.postgres import EmbeddedPostgres

REGISTER, SOURCE, AIRFLOW = "register", "source", "airflow"
APPLICATION, AIRFLOW_ROLE = "extracts_app", "airflow"
SYSTEM = "sample"
MARK = "demo.lock"


@dataclass(frozen=True)
class DemoHome:
    """The demo's world below one folder; making it again changes nothing."""

    home: Path
    postgres: EmbeddedPostgres
    people: People

    @classmethod
    def at(cls, home: Path) -> DemoHome:
        """The world at `home`; nothing is made yet."""
        return cls(home, EmbeddedPostgres(home), People(home))

    @contextmanager
    def held(self) -> Iterator[None]:
        """For one command alone. Raises Refused if the folder holds what no demo made, TechnicalFailure if it is taken.

        The file by which it is held marks it as a demo's, whose keys may be made afresh and removed.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(self.home.iterdir()) and not self.is_marked():
                raise Refused(
                    f"{self.home} holds what no demo made; a demo would put its own keys and settings there.",
                    advice="Name a new folder: EXTRACTS_HOME.",
                )
            lock = os.open(self.home / MARK, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise TechnicalFailure(
                f"The folder {self.home} cannot be used (errno {error.errno}).",
                advice="Does it belong to another user? Name another: EXTRACTS_HOME.",
            ) from None
        with os.fdopen(lock, "w") as stream:
            _take(stream.fileno(), self.home)
            yield

    def is_marked(self) -> bool:
        """Whether a demo made this folder."""
        return (self.home / MARK).is_file()

    def make_databases(self, sql: Path, now: datetime) -> None:
        """Register (migrated), source and Airflow's metadata, each with roles of its own."""
        from extracts.record.boundary import open_engine
        from extracts.record.migrations import migrate

        postgres = self.postgres
        for role in (APPLICATION, AIRFLOW_ROLE):
            postgres.create_role(role)
        postgres.create_database(REGISTER)
        postgres.create_database(SOURCE)
        postgres.create_database(AIRFLOW, AIRFLOW_ROLE)
        migrate(open_engine(postgres.url(REGISTER)), sql / "register", application=APPLICATION, now=now)

    def write_settings(self, recovery: str) -> None:
        """The settings file that points every command at this world."""
        (self.home / "dropzone").mkdir(mode=0o755, exist_ok=True)  # in production it is mounted, not made
        postgres = self.postgres
        address = f"host=127.0.0.1 port={postgres.current_port()} dbname={SOURCE}"
        settings = {
            "EXTRACTS_REGISTER_URL": postgres.url(REGISTER, APPLICATION),
            "EXTRACTS_REGISTER_OWNER_URL": postgres.url(REGISTER),
            f"EXTRACTS_SOURCE_{SYSTEM.upper()}": address,
            "EXTRACTS_SOURCE_PASSFILE": str(self.passfile),
            "EXTRACTS_SERVICE_KEY": str(self.people.key(SERVICE)),
            "EXTRACTS_RECOVERY_RECIPIENT": recovery,
            "EXTRACTS_CANARIES": str(self.canaries),
        }
        write_secret(self.home / "settings.env", "".join(f"{n}={v}\n" for n, v in settings.items()))

    @property
    def passfile(self) -> Path:
        """The passwords of the agreements' roles, for the engine."""
        return self.home / "keys-source.pgpass"

    @property
    def canaries(self) -> Path:
        """Names and numbers of the people in the source who must never leave."""
        return self.home / "canaries.txt"

    def note_canaries(self) -> None:
        """Write down whom the source planted."""
        with self.postgres.superuser(SOURCE) as connection:
            found = connection.execute("SELECT surname, nino FROM dwp.person WHERE surname LIKE 'Zzcanary%'").fetchall()
        write_secret(self.canaries, "".join(f"{value}\n" for person in found for value in person))

    def apply_roles(self, scripts: Mapping[str, str], membership_role: str, report: Callable[[str], None]) -> None:
        """Apply each agreement's script (role -> SQL) as its database administrator would, and note the passwords."""
        for role in (membership_role, *scripts):
            self.postgres.create_role(role)
        for role, script in scripts.items():
            with self.postgres.superuser(SOURCE) as connection:
                connection.execute(script.encode())
            report(role)
        known = [self.postgres.passfile(role) for role in (membership_role, *scripts)]
        older = self.passfile.read_text().splitlines() if self.passfile.exists() else []
        lines = dict.fromkeys([*older, *(line for p in known for line in p.read_text().splitlines())])
        write_secret(self.passfile, "".join(f"{line}\n" for line in lines))


def _take(lock: int, home: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TechnicalFailure(
            f"Another command runs the demo in {home}.", advice="End it first: Ctrl-C there, or `extracts down`."
        ) from None
