"""The controller's index of whose records were in an extract, and who was left out of it and why.

Rules:
1. It answers one question, for one person at a time: who received this person's record? It holds no identifier, only
   HMACs under a key of its own, which no recipient and no agreement has.
2. Everybody whom a row is about counts: a partner on a claim as well as the claimant.
3. The file is for the controller alone: the caller encrypts it at once, and removes this clear one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.errors import UsageError
from extracts.extraction.duckdb_session import text
from extracts.extraction.pseudonym import PERSON_KIND, SEPARATOR, canonical_value, checked_key
from extracts.extraction.reading import MARK

if TYPE_CHECKING:
    import duckdb

INCLUDED = "included"
SMALL_GROUP = "small group"
_MARK_BYTES = 16


@dataclass(frozen=True, order=True)
class Membership:
    """One person's part in one dataset of an extract: `included`, or why they were left out."""

    dataset: str
    why: str


@dataclass(frozen=True)
class Part:
    """Where one dataset's marks lie: treated rows, those left out by the source, and which rows stayed behind."""

    dataset: str
    treated: Path
    left_out: Path
    persons: int
    withheld: str


def write_index(connection: duckdb.DuckDBPyConnection, parts: Iterable[Part], path: Path) -> None:
    """Writes the index of an extract: mark (16 bytes), dataset, why; each once, in the order of marks."""
    rows = " UNION ALL ".join(select for part in parts for select in _selects(part))
    connection.execute(
        f"COPY (SELECT DISTINCT mark, dataset, why FROM ({rows}) WHERE mark IS NOT NULL ORDER BY ALL)"
        f" TO {text(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    )


def mark(key: str, person: str) -> bytes:
    """What stands for a person in the index. Raises UsageError for a blank."""
    value = canonical_value(PERSON_KIND, person)
    if value is None:
        raise UsageError("A person's identifier is needed to look them up.")
    message = f"{PERSON_KIND}{SEPARATOR}{value}".encode()
    return hmac.new(checked_key(key).encode("ascii"), message, hashlib.sha256).digest()[:_MARK_BYTES]


def lookup(index: Path, key: str, person: str) -> tuple[Membership, ...]:
    """What the decrypted index of one extract says of a person; empty if they were not even considered."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(
            f"SELECT dataset, why FROM read_parquet({text(str(index))}) WHERE mark = ?", [mark(key, person)]
        ).fetchall()
    return tuple(sorted(Membership(*row) for row in rows))


def _selects(part: Part) -> Iterable[str]:
    dataset = text(part.dataset)
    treated = f"read_parquet({text(str(part.treated))}) AS t"
    why = f"CASE WHEN {part.withheld} THEN '{SMALL_GROUP}' ELSE '{INCLUDED}' END" if part.withheld else f"'{INCLUDED}'"
    for number in range(part.persons):
        yield f'SELECT t."{MARK}{number}" AS mark, {dataset} AS dataset, {why} AS why FROM {treated}'
    yield f'SELECT t."{MARK}0", {dataset}, t.why FROM read_parquet({text(str(part.left_out))}) AS t'
