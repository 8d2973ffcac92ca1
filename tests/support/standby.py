"""A PostgreSQL and its hot standby, by streaming replication: what is written to the one can be read in the other."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from extracts.local.cluster import HOST, SUPERUSER
from extracts.local.passwords import password_of
from extracts.local.postgres import EmbeddedPostgres
from extracts.local.programs import server_account, wheel_programs

# With no delay, whatever stands in the way of replay is ended at once.
_SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_standby_streaming_delay": "0",
    "shared_buffers": "32MB",
}


@dataclass
class Replicated:
    """Both servers."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres

    def catch_up(self) -> None:
        """Waits until the standby shows what the primary has written so far."""
        with self.primary.superuser() as connection:
            written = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        until = time.monotonic() + 90
        with self.standby.superuser() as connection:
            while True:
                behind = connection.execute("SELECT pg_last_wal_replay_lsn() < %s::pg_lsn", written).fetchone()
                if behind == (False,):
                    return
                assert time.monotonic() < until, "the standby did not catch up within 90 s"
                time.sleep(0.01)


@contextmanager
def a_replicated_server(folder: Path) -> Iterator[Replicated]:
    """Both, running; ended with the block."""
    primary = EmbeddedPostgres(folder / "primary", durable=False, settings=_SETTINGS)
    standby = EmbeddedPostgres(folder / "standby", durable=False, settings=_SETTINGS)
    primary.start()
    try:
        _copy(primary, standby)
        standby.start()
        yield Replicated(primary, standby)
    finally:
        standby.stop()
        primary.stop()


def _copy(primary: EmbeddedPostgres, standby: EmbeddedPostgres) -> None:
    """A base backup that follows its primary. Passwords are the same; so is the file that holds them."""
    with (primary.data / "pg_hba.conf").open("a") as access:
        access.write(f"host  replication  {SUPERUSER}  {HOST}/32  scram-sha-256\n")
    with primary.superuser() as connection:
        connection.execute("SELECT pg_reload_conf()")
    standby.folder.mkdir(parents=True, mode=0o700)
    address = primary.conninfo("postgres")
    program = wheel_programs() / "bin" / "pg_basebackup"
    command = [str(program), "--dbname", address, "--pgdata", str(standby.data), "--checkpoint=fast", "--no-sync"]
    made = subprocess.run([*command, "--wal-method=stream"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    (standby.folder / "passwords").symlink_to(primary.folder / "passwords")
    password = password_of(primary.folder / "passwords", SUPERUSER, HOST)
    follow = f"host={HOST} port={primary.current_port()} user={SUPERUSER} password={password}"
    with (standby.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"primary_conninfo = '{follow}'\n")
    (standby.data / "standby.signal").touch()
    account = server_account(primary.data)
    if account.dropped:
        for path in (standby.data, *standby.data.rglob("*")):
            shutil.chown(path, account.uid, account.gid)  # type: ignore[arg-type]
