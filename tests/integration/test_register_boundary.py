"""The boundary to the register's database: failures without values, reading without writing, rights without more."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from extracts.errors import (
    SettingMissing,
    TechnicalFailure,
)
from extracts.record import ledger
from extracts.record.boundary import open_engine
from extracts.record.register import (
    list_requests,
    save_request,
)
from extracts.record.transaction import reading, unit_of_work
from tests.support.register import (
    APPLICATION,
    a_register,
    a_request,
    agree,
    does,
)


@pytest.fixture
def register(database):
    """An empty register of the test's own."""
    fresh = a_register(database)
    yield fresh
    fresh.engine.dispose()


@pytest.fixture
def agreed(register):
    """A register with a request, a decision on it, and a run under way."""
    agree(register)
    return register


def test_a_failing_database_says_its_sqlstate_and_no_value(register):
    def leak() -> None:
        with unit_of_work(register.engine) as work:
            work.session.execute(text("SELECT CAST(:nino AS integer)"), {"nino": "QQ123456C"})

    with pytest.raises(TechnicalFailure, match="SQLSTATE 22P02") as caught:
        leak()
    assert "QQ" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_server_that_cannot_be_reached_is_said_plainly_and_the_password_is_not():
    engine = open_engine("postgresql+psycopg://somebody:secret-word@127.0.0.1:1/none")

    def read() -> None:
        with reading(engine) as view:
            list_requests(view)

    with pytest.raises(TechnicalFailure, match=r"failed \(no connection\)\. Is the server running") as caught:
        read()
    assert "secret-word" not in str(caught.value)
    assert caught.value.retryable


def test_a_database_without_tables_says_what_to_run(database):
    engine = open_engine(database.url())

    def read() -> None:
        with reading(engine) as view:
            list_requests(view)

    with pytest.raises(TechnicalFailure, match=r"SQLSTATE 42P01.*extracts register migrate"):
        read()
    engine.dispose()


@pytest.mark.parametrize("url", ["", "secret-word", "mysql://u:secret-word@h/d", "postgresql://u:secret-word@h/d"])
def test_an_address_that_cannot_serve_is_refused_without_repeating_it(url):
    with pytest.raises(SettingMissing, match=r"register's address.*postgresql\+psycopg://") as caught:
        open_engine(url)
    assert "secret-word" not in str(caught.value)


def test_reading_cannot_change_anything(register):
    def change_while_reading() -> None:
        with reading(register.engine) as view:
            view.session.execute(text("INSERT INTO register.signature VALUES ('a', 'b', 'c', 'd', 'e', now())"))

    with pytest.raises(TechnicalFailure, match="SQLSTATE 25006"):
        change_while_reading()
    does(register, save_request, a_request(), actor="requester")  # the next user of the connection can


def test_reading_sees_one_moment_even_if_others_write_meanwhile(register):
    with reading(register.engine) as view:
        assert list_requests(view) == ()
        does(register, save_request, a_request(), actor="requester")
        assert list_requests(view) == ()
        assert ledger.head(view.connection).sequence == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE register.request SET document = '{}'",
        "UPDATE register.request SET title = 'x'",
        "UPDATE register.decision SET document = '{}'",
        "UPDATE register.decision SET valid_until = '2099-01-01'",
        "UPDATE register.signature SET recorded_at = now()",
        "UPDATE register.signed_order SET kind = 'resume'",
        "UPDATE register.status_change SET actor = 'x'",
        "UPDATE register.assessment SET passed = true",
        "UPDATE register.delivery SET recipient = 'x'",
        "UPDATE register.schema_migration SET digest = ''",
        *(f"DELETE FROM register.{t}" for t in ("request", "decision", "signature", "signed_order", "run", "delivery")),
        "CREATE TABLE register.mine (n int)",
        "ALTER TABLE register.decision DISABLE TRIGGER ALL",
    ],
)
def test_the_application_can_neither_delete_nor_rewrite_evidence(agreed, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        agreed.database.execute(statement, APPLICATION)
