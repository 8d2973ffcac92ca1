"""Locks the curated views, as their database prints them, to the versions of their contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from extracts.catalogue.view_lock import lock_views
from extracts.extraction.sources.postgres import source_errors

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def lock_datasets(work: Workplace, address: str, system: str = "") -> dict[str, str]:
    """Write every lock that changed; its version by dataset. Raises SourceChanged, SourceUnreachable, UsageError.

    address: libpq keywords; or the URL of a MariaDB, the views of whose `system` are locked.
    """
    if "://" in address:
        from extracts.steps.dataset_lock_mariadb import lock_mariadb  # loads what PostgreSQL does not need

        return lock_mariadb(work, address, system)
    with source_errors(), psycopg.connect(address) as connection:
        found = lock_views(work.places.expectations, work.places.sql, connection)
    return {name: lock.version for name, lock in found.items()}
