"""A migrated register and ledger for tests, seen as the application sees it and as those who attack it do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from extracts.record.boundary import open_engine
from extracts.record.entries import RequestEntry
from extracts.record.migrations import OWNER, migrate
from tests.support.postgres import Database

MIGRATIONS = Path(__file__).parents[2] / "sql" / "register"
APPLICATION = "extracts_app"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class Register:
    """A database with register and ledger. `engine` is the application's; `attack` is a superuser's."""

    database: Database
    engine: Engine

    def attack(self, statements: str) -> None:
        """Changes the ledger as somebody could who has taken over the database server: triggers are off meanwhile."""
        off = "ALTER TABLE ledger.event DISABLE TRIGGER USER;"
        on = "ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER check_link, ENABLE ALWAYS TRIGGER refuse_change;"
        self.database.execute(f"BEGIN; {off} {statements}; {on} COMMIT")


def a_register(database: Database) -> Register:
    """Migrates an empty database. Dispose of `engine` afterwards."""
    application = database.role(APPLICATION)
    superuser = open_engine(database.url())
    migrate(superuser, MIGRATIONS, application=application, now=NOON)
    superuser.dispose()
    return Register(database, open_engine(database.url(application)))


def a_request(request_id: str = "SDDSB-2026-014", version: int = 1, **changes: Any) -> RequestEntry:
    """A submitted request; its document is whatever is put in."""
    facts: dict[str, Any] = {
        "title": "Scottish Child Payment eligibility",
        "requester_organisation": "scottish-government",
        "requester_name": "Aileen Requester",
        "recipient": "social-security-scotland",
        "status": "submitted",
        "document": {"id": request_id, "version": version, "purpose": "eligibility"},
        "submitted_at": NOON,
    }
    return RequestEntry(request_id, version, **(facts | changes))


__all__ = ["APPLICATION", "MIGRATIONS", "NOON", "OWNER", "Register", "a_register", "a_request"]
