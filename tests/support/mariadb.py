"""A real MariaDB of the tests' own: an ordinary process on a free port of 127.0.0.1, started once per session."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

PROGRAM = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CLIENT = shutil.which("mariadb")
_SHARE = Path("/usr/share/mysql")
_SMALL = (
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-log-bin",
    "--skip-name-resolve",
)
_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")


@dataclass
class MariaServer:
    """The server. `root`'s password, like every other, lies in an option file of mode 0600."""

    folder: Path
    port: int
    passwords: dict[str, str]

    @property
    def option_file(self) -> Path:
        """Every user's password, in a group of the user's name."""
        return self.folder / "passwords.cnf"

    @property
    def address(self) -> str:
        """As a setting has it: no user, no password."""
        return f"mariadb+pymysql://127.0.0.1:{self.port}/?read_default_file={self.option_file}"

    def address_of(self, user: str) -> str:
        """The same, entered as somebody."""
        return self.address.replace("://", f"://{user}@")

    def let_in(self, user: str, password: str) -> None:
        """Write a password down."""
        self.passwords[user] = password
        self.option_file.touch(mode=0o600)
        self.option_file.write_text("".join(f"[{u}]\npassword={p}\n" for u, p in self.passwords.items()))

    def connect(self, user: str = "root") -> pymysql.connections.Connection[Any]:
        """A connection that commits each statement, in UTC."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=self.passwords.get(user, ""),
            autocommit=True,
            init_command="SET time_zone = '+00:00'",
        )

    def execute(self, *statements: str) -> list[Any]:
        """Each at once, as root; the rows of the last."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def run_script(self, script: str) -> None:
        """As a DBA does: with the server's own client."""
        assert CLIENT
        options = self.folder / "root.cnf"
        options.touch(mode=0o600)
        options.write_text(
            f"[client]\nhost=127.0.0.1\nport={self.port}\nuser=root\npassword={self.passwords['root']}\n"
        )
        made = subprocess.run([CLIENT, f"--defaults-file={options}"], input=script, text=True, capture_output=True)
        assert made.returncode == 0, made.stderr


def missing() -> str:
    """Why there can be no server here; empty if there can."""
    there = PROGRAM and CLIENT and all((_SHARE / name).is_file() for name in _TABLES)
    return "" if there else "no MariaDB here; see tests/support/mariadb.sh"


@contextmanager
def a_server() -> Iterator[MariaServer]:
    """A server with nothing in it, in a folder of its own; both are gone after the block."""
    assert PROGRAM
    # Not among pytest's own folders: those are closed to the account of the server.
    with tempfile.TemporaryDirectory(prefix="mariadb-") as name:
        folder, data = Path(name), Path(name) / "data"
        (data / "tmp").mkdir(mode=0o700, parents=True)
        options = [PROGRAM, "--no-defaults", f"--datadir={data}", f"--tmpdir={data}/tmp", *_account(data), *_SMALL]
        _make_tables([*options, "--bootstrap", "--skip-networking"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options += ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={data}/socket", f"--pid-file={data}/pid"]
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(options, stdout=log, stderr=log)
        try:
            yield _ready(MariaServer(folder, port, {}), process)
        finally:
            process.terminate()
            process.wait(60)


def _account(data: Path) -> list[str]:
    """Root starts no server as root."""
    if os.geteuid() != 0:
        return []
    data.parent.chmod(0o711)  # pass through, see nothing
    for folder in (data, data / "tmp"):
        shutil.chown(folder, "nobody")
    return ["--user=nobody"]


def _make_tables(command: list[str]) -> None:
    start = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
    script = start + "\n".join((_SHARE / name).read_text() for name in _TABLES)
    made = subprocess.run(command, input=script, text=True, capture_output=True, timeout=90)
    assert made.returncode == 0, made.stderr[-2000:]


def _ready(server: MariaServer, process: subprocess.Popen[bytes]) -> MariaServer:
    until = time.monotonic() + 90
    while True:
        try:
            password = secrets.token_hex(16)
            server.execute(
                f"ALTER USER root@'127.0.0.1' IDENTIFIED BY '{password}'",
                *(f"DROP USER IF EXISTS root@'{host}'" for host in ("localhost", "::1", socket.gethostname())),
            )
            server.let_in("root", password)
            return server
        except pymysql.err.OperationalError:
            assert process.poll() is None, (server.folder / "server.log").read_text()[-2000:]
            assert time.monotonic() < until, "MariaDB did not start within 90 s"
            time.sleep(0.02)
