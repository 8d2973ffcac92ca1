"""Opens a decrypted Parquet file for checks and for CSV: DuckDB, with everything off that reaches outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extracts.errors import TechnicalFailure, VerificationFailed

MEMORY = "400MB"


@contextmanager
def opened_table(path: Path, memory: str = MEMORY) -> Iterator[Any]:
    """A connection with the file as the view `data`. Nothing is written but what the caller copies out of it.

    Raises VerificationFailed if it is no Parquet file, TechnicalFailure without the library or if it fails. No message
    of the library is repeated: it may hold a value.
    """
    try:
        import duckdb
    except ImportError:
        raise TechnicalFailure(
            "DuckDB is not installed, so the decrypted files cannot be looked into.",
            advice="Install the software with its recipient extra.",
        ) from None
    connection = duckdb.connect(":memory:")
    try:
        for setting in ("autoinstall_known_extensions=false", "autoload_known_extensions=false", "temp_directory=''"):
            connection.execute(f"SET {setting}")
        connection.execute(f"SET memory_limit='{memory}'")
        connection.execute("SET TimeZone='UTC'")
        try:
            connection.execute(f"CREATE VIEW data AS SELECT * FROM read_parquet({text(str(path))})")
        except duckdb.Error:
            raise VerificationFailed(
                f"{path.name} is not a readable Parquet file.", advice="Delete it, and collect the delivery again."
            ) from None
        yield connection
    except duckdb.Error as error:
        raise TechnicalFailure(
            f"{path.name} could not be looked into ({type(error).__name__}).",
            advice="Is there memory and room on the disk? Then run it again.",
        ) from None
    finally:
        connection.close()


def name(column: str) -> str:
    """A column's name, quoted."""
    return '"' + column.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text, quoted."""
    return "'" + value.replace("'", "''") + "'"
