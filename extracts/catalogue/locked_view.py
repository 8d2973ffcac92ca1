"""`view.lock.json`: which curated view every version of a contract has had.

Rules:
1. A version that was locked keeps its view for good: its entry stays, and another view needs another version.
2. What PostgreSQL prints for that view, and for the control relations, may be locked afresh, since its versions print
   one view in several ways.
3. Taking entries away would let a version change its view unseen: a test holds the file against its own history.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from extracts.catalogue.contract import Dataset
from extracts.catalogue.view import CONTROLS
from extracts.errors import InvalidDocument, Problem, SourceChanged

LOCK_FILE = "view.lock.json"


@dataclass(frozen=True)
class ViewLock:
    """This version of the contract has this view, which PostgreSQL prints like that.

    controls: the digest of what it prints for each of the source's control relations.
    """

    version: str
    view_digest: str
    deployed_digest: str
    controls: Mapping[str, str]


def locks_text(locks: Iterable[ViewLock]) -> str:
    """The file's text."""
    return json.dumps([asdict(lock) for lock in locks], indent=2) + "\n"


def read_locks(path: Path) -> tuple[ViewLock, ...]:
    """The locks in a file, oldest first; none if there is no file. Raises InvalidDocument."""
    if not path.exists():
        return ()
    try:
        locks = tuple(ViewLock(**entry) for entry in json.loads(path.read_bytes()))
    except (ValueError, TypeError):
        fields = tuple(ViewLock.__dataclass_fields__)
        raise InvalidDocument(str(path), [Problem("lock", "is not a list of view locks", allowed=fields)]) from None
    if any(set(lock.controls) != set(CONTROLS) for lock in locks):
        raise InvalidDocument(str(path), [Problem("controls", "are not the control relations", allowed=CONTROLS)])
    if len({lock.version for lock in locks}) < len(locks):
        raise InvalidDocument(str(path), [Problem("lock", "holds a version twice")])
    return locks


def lock_of(locks: Iterable[ViewLock], version: str) -> ViewLock | None:
    """The lock of this version, or None."""
    return next((lock for lock in locks if lock.version == version), None)


def with_lock(
    dataset: Dataset, deployed_digest: str, controls: Mapping[str, str], locks: tuple[ViewLock, ...]
) -> tuple[ViewLock, ...]:
    """The locks with that of this version. Raises SourceChanged if the version was locked to another view."""
    new, old = (
        ViewLock(dataset.version, dataset.view_digest, deployed_digest, controls),
        lock_of(locks, dataset.version),
    )
    if old is None:
        return (*locks, new)
    if old.view_digest != dataset.view_digest:
        raise SourceChanged(
            f"{dataset.name}: the view changed, but the contract's version is still {dataset.version}.",
            advice="Raise the version in contract.yaml: the first number if approvals must not cover the new view.",
        )
    return tuple(new if lock is old else lock for lock in locks)
