"""Opens the DuckDB that untreated values pass through, and turns whatever fails on the way into our own errors.

Rules:
1. Untreated values touch no disk: there is no temporary directory at all. What does not fit into memory fails.
2. Nothing is downloaded: the extension is loaded from its installed wheel, and the configuration is then locked.
3. Libraries put addresses and values into their messages. They are caught here; our own words go on.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.errors import CheckFailed, DiskFull, ExtractsError, SourceUnreachable, TechnicalFailure
from extracts.extraction.treatment_sql import UNFIT

if TYPE_CHECKING:
    import duckdb

_LEAST_FREE_BYTES = 1 << 20


@dataclass(frozen=True)
class EngineSettings:
    """What the engine may use: memory of DuckDB itself, in MB."""

    memory_limit_mb: int = 400


@contextmanager
def reading_session(settings: EngineSettings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB for untreated values: no temporary directory, PostgreSQL attachable. Lock it once all is attached."""
    # A query of PostgreSQL is one stream; a second thread would wait for it busily, and take a third of the processor.
    with _session(settings.memory_limit_mb, threads=1) as connection:
        connection.execute("SET temp_directory = ''")
        connection.execute("SET streaming_buffer_size = '32MB'")  # so that it reads on while a batch is treated
        _load(connection, "duckdb_extension_postgres_scanner", "postgres_scanner")
        yield connection


@contextmanager
def memory_session(memory_limit_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB for untreated values that a source hands out: no temporary directory, and nothing attached."""
    with _session(memory_limit_mb, threads=1) as connection:
        connection.execute("SET temp_directory = ''")
        yield connection


@contextmanager
def engine_errors(staging: Path, doing: str, *, reads_source: bool = False) -> Iterator[None]:
    """The boundary: any library's error becomes ours, without a word of it.

    doing: for the message, such as "reading benefit_cap". reads_source: then a broken stream is the source's; any
    other fault is ours.
    """
    try:
        yield
    except ExtractsError:
        raise
    except Exception as error:  # whatever library it is of: its message may quote a row
        raise _ours(error, staging, doing, reads_source) from None


def text(value: str) -> str:
    """A text literal for DuckDB."""
    return "'" + value.replace("'", "''") + "'"


def _ours(error: Exception, staging: Path, doing: str, reads_source: bool) -> Exception:
    import duckdb

    if UNFIT in str(error):
        return CheckFailed(
            f"While {doing}: a value does not fit its column's type in the file (too large, or an impossible date).",
            advice="Nothing was delivered. Ask the source's owner; the source suite of expectations names the column.",
        )
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return TechnicalFailure(
            f"While {doing}: the memory that the engine may use is not enough.",
            advice="Raise EXTRACTS_MEMORY_LIMIT_MB; a run normally needs 400.",
        )
    if _disk_is_full(error, staging):
        return DiskFull(f"While {doing}: no space is left in the staging folder.", advice="Free some, then run again.")
    if reads_source and _is_broken_stream(error):
        return SourceUnreachable(
            f"While {doing}: the source failed or ended the connection.",
            advice="It is tried again. If it stays so, ask the source's DBA.",
        )
    return TechnicalFailure(
        f"While {doing}: the engine failed ({type(error).__name__}).",
        advice="It is tried again. If it comes back, tell whoever maintains the software.",
    )


def _is_broken_stream(error: Exception) -> bool:
    """A stream that breaks is DuckDB's IOException, which Arrow hands on as an OSError without a number."""
    import duckdb

    return isinstance(error, duckdb.IOException) or (isinstance(error, OSError) and error.errno is None)


def _disk_is_full(error: Exception, staging: Path) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if isinstance(error, OSError) and error.errno in full:
        return True
    if any(os.strerror(code) in str(error) for code in full):
        return True
    return staging.exists() and shutil.disk_usage(staging).free < _LEAST_FREE_BYTES


@contextmanager
def _session(memory_limit_mb: int, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_limit_mb}MB",
        "threads": threads,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_unsigned_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _load(connection: duckdb.DuckDBPyConnection, package: str, extension: str) -> None:
    spec = find_spec(package)
    folder = Path(spec.origin).parent if spec and spec.origin else Path("missing")
    files = sorted(folder.rglob(f"{extension}.duckdb_extension"))
    if not files:
        raise TechnicalFailure(f"The package {package} is not installed.", advice="Run `make env`.")
    connection.execute(f"LOAD {text(str(files[0]))}")
