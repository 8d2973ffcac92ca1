"""Makes a new PostgreSQL cluster, and says with which settings its server runs.

Rules:
1. Everybody needs a password, the superuser too, and nobody comes from another machine: it listens on 127.0.0.1, and
   there is no Unix socket.
2. What the server logs holds no person's value: statements and errors, which quote values, are left out.
3. Settings travel on the command line at every start, so those of this file always hold, whoever changed the cluster's.
4. A cluster is there whole or not at all: it is made beside its place and renamed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from extracts.errors import TechnicalFailure
from extracts.local.programs import Account
from extracts.production.postgres_settings import INITDB, QUIET

HOST: Final = "127.0.0.1"
SUPERUSER: Final = "postgres"
_ACCESS = f"""# Everybody needs a password, and nobody comes from another machine.
local  all  all               scram-sha-256
host   all  all  {HOST}/32  scram-sha-256
"""
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    **QUIET,
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # nobody replicates from it, and filling a new table then needs no log
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "dynamic_shared_memory_type": "sysv",  # containers often have a /dev/shm of 64 MB, too small for parallel reads
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def make_cluster(data: Path, programs: Path, account: Account, password: str, *, durable: bool) -> None:
    """A new cluster in the folder `data`, whose superuser has this password. Raises TechnicalFailure."""
    unfinished = data.with_name(data.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.own(unfinished)
    exit_code = _initdb(unfinished, programs, account, password, [] if durable else ["--no-sync"])
    if exit_code != 0:
        raise TechnicalFailure(
            f"initdb could not make a PostgreSQL cluster in {data.parent} (exit code {exit_code}).",
            advice="Are there 100 MB left on the disk, and may this user write there?",
        )
    (unfinished / "pg_hba.conf").write_text(_ACCESS)
    unfinished.rename(data)


def server_command(
    data: Path,
    programs: Path,
    account: Account,
    port: int,
    *,
    durable: bool,
    more: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """The command that runs the server of `data`; `more` settings go before those of this file."""
    settings = _SETTINGS | {"port": str(port)} | ({} if durable else _NOT_DURABLE) | dict(more)
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(programs / "bin" / "postgres"), "-D", account.folder_name(data), *options]


def _initdb(folder: Path, programs: Path, account: Account, password: str, more: list[str]) -> int:
    command = [str(programs / "bin" / "initdb"), "-D", account.folder_name(folder), "-U", SUPERUSER]
    # The locale is PostgreSQL's own, so that text sorts alike on every machine.
    command += [*INITDB, "--auth=scram-sha-256", "--pwfile=/dev/stdin", "--no-instructions", *more]
    reader, writer = os.pipe()
    account.own(reader)  # or initdb, as another user, could not open its own standard input
    with os.fdopen(reader), os.fdopen(writer, "w") as stream:
        stream.write(password + "\n")
        stream.close()
        options = account.popen(folder)
        return subprocess.run(command, stdin=reader, capture_output=True, check=False, **options).returncode
