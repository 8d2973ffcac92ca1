"""A migrated register and ledger for tests, seen as the application sees it and as those who attack it do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine

from extracts.canonical import digest
from extracts.record.boundary import open_engine
from extracts.record.delivery_entries import DeliveredFile, DeliveryEntry, RunEntry
from extracts.record.entries import DecisionEntry, RequestEntry
from extracts.record.migrations import migrate
from extracts.record.register import (
    publish_delivery,
    reserve_delivery,
    save_decision,
    save_request,
    start_publishing,
    start_run,
)
from extracts.record.transaction import Work, reading, unit_of_work
from tests.support.builders import a_decision
from tests.support.postgres import Database

MIGRATIONS = Path(__file__).parents[2] / "sql" / "register"
APPLICATION = "extracts_app"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ID = "SDDSB-2026-014"
PLAN = {"request_id": ID, "recipient": "social-security-scotland"}
MANIFEST = "sha256:" + "c" * 64
A_FILE = DeliveredFile("scottish_child_payment.parquet.age", "scottish_child_payment", 1204, 88_000, MANIFEST)

T = TypeVar("T")


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
    application = APPLICATION
    database.server.create_role(application)  # the migration lets it into the database
    superuser = open_engine(database.url())
    migrate(superuser, MIGRATIONS, application=application, now=NOON)
    superuser.dispose()
    return Register(database, open_engine(database.url(application)))


def does(register: Register, act: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Calls a writing function in a unit of work of its own, with an event that tells of it."""
    with unit_of_work(register.engine) as work:
        work.event(NOON, "test.did", ID, "tester@dwp.example")
        return act(work, *arguments, **named)


def sees(register: Register, read: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Calls a reading function."""
    with reading(register.engine) as view:
        return read(view, *arguments, **named)


def agree(register: Register) -> None:
    """Puts a request, a decision on it, and a run under way into the register."""

    def begin(work: Work) -> None:
        save_request(work, a_request(), actor="requester@gov.scot.example")
        save_decision(work, a_decision_entry())
        start_run(work, a_run())

    does(register, begin)


def a_request(request_id: str = ID, version: int = 1, **changes: Any) -> RequestEntry:
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


def a_decision_entry(**changes: Any) -> DecisionEntry:
    """An approval of `PLAN`, unless `plan_digest` is empty."""
    decision = a_decision(**({"request_id": ID, "plan_digest": digest(PLAN)} | changes))
    return DecisionEntry(decision.document(), PLAN if decision.plan_digest else {}, NOON)


def a_run(run_id: str = "run-1", **changes: Any) -> RunEntry:
    """A run that was just started."""
    facts: dict[str, Any] = {
        "request_id": ID,
        "version": 1,
        "period": "2026-11",
        "started_by": "service@dwp.example",
        "started_at": NOON,
    }
    return RunEntry(run_id, **(facts | changes))


def a_delivery(month: int = 11, revision: int = 1, **changes: Any) -> DeliveryEntry:
    """A delivery of one month of 2026, about to be reserved."""
    facts: dict[str, Any] = {
        "request_id": ID,
        "version": 1,
        "period": f"2026-{month:02}",
        "period_first": date(2026, month, 1),
        "period_last": date(2026, month, 28),
        "revision": revision,
        "recipient": "social-security-scotland",
        "decision_digest": a_decision_entry().digest,
        "run_id": "run-1",
        "created_at": NOON,
    }
    return DeliveryEntry(**(facts | changes))


def announce(work: Work, delivery_id: str) -> DeliveryEntry:
    """What comes right before a delivery is put into the drop zone."""
    told = {"path": f"x/{delivery_id}", "manifest_digest": MANIFEST, "previous_manifest_digest": ""}
    return start_publishing(work, delivery_id, **told, files=[A_FILE])


def publish(register: Register, delivery: DeliveryEntry, at: datetime = NOON) -> DeliveryEntry:
    """The whole way of a delivery, in the transactions that a run makes."""
    does(register, reserve_delivery, delivery)
    does(register, announce, delivery.delivery_id)
    return does(register, publish_delivery, delivery.delivery_id, at=at)
