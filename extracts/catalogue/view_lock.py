"""Locks each dataset's view to its contract's version: what `extracts dataset lock` does before a change is reviewed.

Rules:
1. Every view is made afresh in a database that has the base tables, inside a transaction that is rolled back: what is
   locked is the file's view, not whatever was deployed there. The control relations are locked as they are there.
2. A version that is locked keeps its view. All locks are written, or none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.catalogue.contract import Dataset, SourceKind
from extracts.catalogue.locked_view import LOCK_FILE, ViewLock, lock_of, locks_text, read_locks, with_lock
from extracts.catalogue.odcs import VIEW_FILE, load_datasets
from extracts.catalogue.view import control_digests, deployed_definition, viewdef_digest
from extracts.errors import TechnicalFailure

if TYPE_CHECKING:
    from psycopg import Connection


def lock_views(expectations: Path, sql: Path, connection: Connection[Any]) -> dict[str, ViewLock]:
    """Writes `view.lock.json` beside every contract and returns the locks that changed, by dataset.

    `connection`: may create views in a database that has the base tables; nothing stays there. Raises SourceChanged for
    a view that changed while its contract's version did not, InvalidDocument, TechnicalFailure.
    """
    every = load_datasets(expectations, sql)
    # Others keep a view's text as it was given, which each run holds against view.sql itself.
    datasets = {name: d for name, d in every.items() if d.source_kind is SourceKind.POSTGRESQL}
    controls = control_digests(connection)
    changed: dict[str, tuple[ViewLock, ...]] = {}
    for name, dataset in datasets.items():
        old = read_locks(expectations / name / LOCK_FILE)
        new = with_lock(dataset, printed_digest(connection, dataset, sql / name / VIEW_FILE), controls, old)
        if new != old:
            changed[name] = new
    for name, locks in changed.items():
        (expectations / name / LOCK_FILE).write_text(locks_text(locks))
    return {name: lock for name, locks in changed.items() if (lock := lock_of(locks, datasets[name].version))}


def printed_digest(connection: Connection[Any], dataset: Dataset, view: Path) -> str:
    """The digest of what this database prints for the view of a file, which is not left behind."""
    import psycopg

    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"DROP VIEW IF EXISTS {dataset.relation} CASCADE".encode())
            connection.execute(view.read_bytes())
            return viewdef_digest(deployed_definition(connection, dataset.relation), dataset.relation)
    except psycopg.Error as error:
        raise TechnicalFailure(
            f"{view} cannot be applied to this database (SQLSTATE {error.sqlstate}).",
            advice="Does it have the base tables? Run the file by hand to see PostgreSQL's own words.",
        ) from None
