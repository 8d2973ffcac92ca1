"""A real PostgreSQL of our own, from a wheel: the sample source, the register and Airflow's metadata in one folder.

Rules:
1. Passwords are generated, and lie in one 0600 file per role. The addresses handed out here name that file and hold no
   credential, so they may be printed, logged and passed by environment.
2. Starting twice equals once, and a server that was killed starts again. Only a process that runs in our own data
   folder is ever taken for the server, so nobody else's process is ended by mistake.
3. It is for trying out, tests and benchmarks. In production the same code points at the organisation's servers.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from extracts.errors import TechnicalFailure
from extracts.local.cluster import HOST, SUPERUSER, make_cluster, server_command
from extracts.local.passwords import checked_name, passfile, password_of, write_secret
from extracts.local.processes import processes_in, runs_in, wait_until
from extracts.local.programs import Account, copy_programs, remove_copy, server_account, wheel_programs

_ENDINGS = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))  # fast, immediate, at once; seconds


@dataclass
class EmbeddedPostgres:
    """The server whose whole state is the folder `home`/postgres.

    `port`: a fixed one; without it a free one is found, and kept as long as it stays free.
    `durable=False` trades survival of a power cut for speed; for tests. `settings`: more of the server's, or others.
    """

    home: Path
    port: int | None = None
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.home = self.home.absolute()
        self.folder = self.home / "postgres"
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"

    # --- the server ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Makes the cluster if there is none, and starts the server unless it runs. Raises TechnicalFailure."""
        with self._locked():
            if self.pid() is not None and wait_until(self.is_running, 60):
                return
            self._clear_away()
            account = server_account(self.data)
            programs = self._programs(account)
            if not self.data.exists():
                password = password_of(self.folder / "passwords", SUPERUSER, HOST)
                make_cluster(self.data, programs, account, password, durable=self.durable)
            self._launch(programs, account)

    def stop(self) -> None:
        """Ends the server; open transactions are rolled back. Nothing happens if it does not run."""
        with self._locked():
            for ending, patience_s in _ENDINGS:
                if (pid := self.pid()) is not None:
                    os.kill(pid, ending)
                    wait_until(lambda: self.pid() is None, patience_s)
            self._clear_away()

    def is_running(self) -> bool:
        """Whether the server is there and takes connections."""
        lines = self._lock_lines()
        return self.pid() is not None and len(lines) > 7 and lines[7].strip() == "ready"

    def pid(self) -> int | None:
        """The server's process number, if it is there."""
        lines = self._lock_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        return pid if pid and runs_in(pid, self.data) else None

    # --- addresses: none holds a credential -----------------------------------------------------------------------

    def url(self, database: str, role: str = SUPERUSER, *, driver: str = "psycopg") -> str:
        """A SQLAlchemy address that names the role's passfile. Raises TechnicalFailure if the server does not run."""
        from sqlalchemy import URL

        query = {"passfile": str(self.passfile(role))}
        address = URL.create(f"postgresql+{driver}", role, None, HOST, self.current_port(), database, query)
        return address.render_as_string()

    def conninfo(self, database: str, role: str = SUPERUSER) -> str:
        """The same in libpq's own form, for psycopg, DuckDB and psql."""
        passfile = str(self.passfile(role))
        return make_conninfo("", host=HOST, port=self.current_port(), dbname=database, user=role, passfile=passfile)

    def passfile(self, role: str = SUPERUSER) -> Path:
        """The file with the role's password; it is there once `create_role` made the role."""
        return passfile(self.folder / "passwords", role)

    def current_port(self) -> int:
        """The port that the server listens on. Raises TechnicalFailure if it does not run."""
        lines = self._lock_lines()
        if self.pid() is None or len(lines) < 4:
            raise TechnicalFailure(f"The embedded PostgreSQL in {self.home} is not running.", advice="Start it first.")
        return int(lines[3])

    # --- roles and databases ---------------------------------------------------------------------------------------

    def create_role(self, name: str) -> None:
        """A role that may log in with a generated password and has no other right. Again: changes nothing."""
        password = password_of(self.folder / "passwords", name, HOST)
        with self.superuser() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            order = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(name), _verifier(connection, name, password)
            )
            connection.execute(order)

    def create_database(self, name: str, owner: str = SUPERUSER) -> None:
        """An empty database that only its owner, and who is granted CONNECT, may enter. Again: changes nothing."""
        with self.superuser() as connection:
            database = sql.Identifier(checked_name(name))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, sql.Identifier(owner)))
            # By default every role may enter every database, and make temporary tables there. Each time, since whoever
            # made it may have been killed before this.
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))

    def drop_database(self, name: str) -> None:
        """Removes a database, ending what is connected to it. Again: changes nothing."""
        with self.superuser() as connection:
            database = sql.Identifier(checked_name(name))
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))

    @contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A connection that commits each statement. A failure becomes TechnicalFailure with its SQLSTATE."""
        try:
            with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
                yield connection
        except psycopg.Error as error:
            code = error.sqlstate or "no connection"
            raise TechnicalFailure(f"The embedded PostgreSQL in {self.home} refused an order ({code}).") from None

    # --- how ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise TechnicalFailure(
                f"The embedded PostgreSQL cannot use the folder {self.folder} (errno {error.errno}).",
                advice="Does it belong to another user? Choose another EXTRACTS_HOME.",
            ) from None
        with os.fdopen(lock, "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _launch(self, programs: Path, account: Account) -> None:
        for _ in range(1 if self.port else 3):  # somebody may take the free port before the server does
            port = self.port or self._likely_port()
            command = server_command(self.data, programs, account, port, durable=self.durable, more=self.settings)
            with os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
                options = account.popen(self.data) | {"stdout": log, "stderr": log, "start_new_session": True}
                self._child = child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
            wait_until(lambda child=child: self.is_running() or child.poll() is not None, 60)  # type: ignore[misc]
            if self.is_running():
                write_secret(self.folder / "port", str(port))
                return
        self._clear_away()
        last_words = " / ".join(self.log.read_text(errors="replace").splitlines()[-3:])
        raise TechnicalFailure(
            f"The embedded PostgreSQL in {self.home} did not start on port {port}.",
            advice=f"The last lines of {self.log}: {last_words}",
        )

    def _likely_port(self) -> int:
        kept = self.folder / "port"
        with socket.socket() as probe:
            # Like the server itself, or a port that was just given up would seem taken for a minute.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, int(kept.read_text()) if kept.exists() else 0))
            except OSError:
                probe.bind((HOST, 0))
            return int(probe.getsockname()[1])

    def _programs(self, account: Account) -> Path:
        if not account.dropped:
            return wheel_programs()
        programs = copy_programs(account)
        (self.folder / "programs").symlink_to(programs)
        return programs

    def _clear_away(self) -> None:
        # A killed server's workers notice within moments; until they are gone its shared memory is in use.
        wait_until(lambda: not processes_in(self.data), 5)
        for pid in processes_in(self.data):
            os.kill(pid, signal.SIGKILL)
        if not wait_until(lambda: not processes_in(self.data), 5):
            raise TechnicalFailure(f"Processes of the embedded PostgreSQL in {self.home} do not end.")
        if self._child is not None:
            self._child.wait(5)
            self._child = None
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        copied = self.folder / "programs"
        if copied.is_symlink():
            remove_copy(copied.readlink())
            copied.unlink()

    def _lock_lines(self) -> list[str]:
        # PostgreSQL's own lock file: process, folder, start, port, socket folder, address, shared memory, status.
        try:
            return (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return []


def _verifier(connection: psycopg.Connection[Any], role: str, password: str) -> sql.Literal:
    # Only what proves the password travels: the clear one is never in the server's memory, log or views.
    made = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return sql.Literal(made.decode())
