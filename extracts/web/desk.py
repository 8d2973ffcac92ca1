"""What pages that read the register share: one pool of connections, and the governance files read once per change.

Rules:
1. Pages only read: every statement runs in a transaction that the database keeps read-only (`record.reading`).
2. Nothing is remembered that somebody may have changed: files are known by their size and time of change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.catalogue.odcs import load_datasets
from extracts.errors import ExtractsError
from extracts.settings import open_workplace
from extracts.steps.governance import load_parties, load_policy
from extracts.steps.workplace import Places, Workplace

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from extracts.agreement.policy import Policy
    from extracts.catalogue.contract import Dataset
    from extracts.catalogue.parties import Parties

_Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Names:
    """What ids are called by people; an id that is no longer declared is called by itself."""

    recipients: Mapping[str, str]
    gateways: Mapping[str, str]

    def recipient(self, name: str) -> str:
        """`Fife Council, benefit advice team` for `fife-council`; several, as the register lists them, in one line."""
        return "; ".join(self.recipients.get(each, each) for each in name.split(", "))

    def gateway(self, name: str) -> str:
        """`Welfare Reform Act 2012, section 131` for its id."""
        return self.gateways.get(name, name)


def open_desk() -> Workplace:
    """The workplace, with this process's own pool of connections. Raises SettingMissing, InvalidDocument."""
    work = open_workplace()
    if work.register_url:
        work.__dict__["register"] = _engine(work.register_url)
    stamp = _stamp(work.places)
    work.__dict__["parties"] = _parties(work.places, stamp)
    work.__dict__["policy"] = _policy(work.places, stamp)
    work.__dict__["datasets"] = _datasets(work.places, _contracts(work.places))
    return work


def names(work: Workplace) -> Names:
    """How recipients and gateways are called."""
    parties = work.parties
    recipients = {r.id: r.name for r in parties.recipients.values()}
    return Names(recipients, {g.id: g.title for g in parties.gateways.values()})


@lru_cache(maxsize=4)
def _engine(url: str) -> Engine:
    from extracts.record.boundary import open_engine

    return open_engine(url)


@lru_cache(maxsize=4)
def _parties(places: Places, _: _Stamp) -> Parties:
    return load_parties(places)


@lru_cache(maxsize=4)
def _policy(places: Places, _: _Stamp) -> Policy:
    return load_policy(places)


@lru_cache(maxsize=4)
def _datasets(places: Places, _: _Stamp) -> Mapping[str, Dataset]:
    return load_datasets(places.expectations, places.sql)


def _contracts(places: Places) -> _Stamp:
    folders = (places.expectations.glob("*/*"), places.sql.glob("*/view.sql"))
    return tuple(_file_stamp(path) for found in folders for path in sorted(found) if path.is_file())


def _stamp(places: Places) -> _Stamp:
    files = [*sorted(places.governance.glob("*.yaml")), *sorted(places.recipient_keys.glob("*.pub"))]
    return tuple(_file_stamp(path) for path in files)


def _file_stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ExtractsError(f"{path.name} cannot be read ({error.strerror}).") from None
    return str(path), found.st_mtime_ns, found.st_size
