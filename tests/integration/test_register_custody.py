"""The custody of deliveries in the register: step by step as the table says, and kept as it was signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import psycopg
import pytest

from extracts.agreement.custody import CUSTODY_TRANSITIONS, Custody, moved_by_receipt
from extracts.errors import IllegalTransition, NotFound, Refused
from extracts.record import custody
from extracts.record.register import reserve_delivery
from extracts.record.transaction import Work, unit_of_work
from tests.support.postgres import Database
from tests.support.register import (
    APPLICATION,
    MANIFEST,
    NOON,
    Register,
    a_delivery,
    a_register,
    agree,
    does,
    publish,
    sees,
)

WAYS_TO = {
    Custody.PUBLISHED: (),
    Custody.COLLECTED: (Custody.COLLECTED,),
    Custody.ACKNOWLEDGED: (Custody.ACKNOWLEDGED,),
    Custody.EXPIRED: (Custody.EXPIRED,),
    Custody.WITHDRAWN: (Custody.WITHDRAWN,),
    Custody.DESTROYED: (Custody.DESTROYED,),
}
SIGNATURE = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n"


@pytest.fixture(scope="module")
def left(module_database: Database) -> Iterator[Register]:
    register = a_register(module_database)
    agree(register)
    yield register
    register.engine.dispose()


def step(work: Work, delivery_id: str, to: Custody) -> None:
    custody.save_step(work, custody.lock_custody(work, delivery_id), to, at=NOON, actor="fife-council")


def state(register: Register, delivery_id: str) -> Custody:
    found: custody.CustodyNow = sees(register, custody.custody_now, delivery_id)
    return found.state


@pytest.mark.parametrize(("before", "after"), product(Custody, Custody))
def test_a_delivery_goes_only_where_the_table_of_custody_lets_it(
    left: Register, before: Custody, after: Custody
) -> None:
    name = publish(left, a_delivery(period=f"{before}-{after}")).delivery_id
    for way in WAYS_TO[before]:
        does(left, step, name, way)
    if after in CUSTODY_TRANSITIONS[before]:
        does(left, step, name, after)
        assert state(left, name) is after
    else:
        with pytest.raises(IllegalTransition, match=f"is {before}; it cannot become {after}"):
            does(left, step, name, after)
        assert state(left, name) is before


@pytest.mark.parametrize(("now", "decrypted"), product(Custody, (False, True)))
def test_a_receipt_moves_a_delivery_only_forward(now: Custody, decrypted: bool) -> None:
    moved = moved_by_receipt(now, decrypted)
    assert moved is None or moved in CUSTODY_TRANSITIONS[now]
    if now in (Custody.ACKNOWLEDGED, Custody.WITHDRAWN, Custody.DESTROYED):
        assert moved is None


def test_what_did_not_leave_has_no_custody(left: Register) -> None:
    does(left, reserve_delivery, a_delivery(period="reserved"))
    for name in (a_delivery(period="reserved").delivery_id, "nothing"):
        with pytest.raises(NotFound, match="has left"):
            sees(left, custody.custody_now, name)


def test_a_step_without_its_event_is_not_saved(left: Register) -> None:
    name = publish(left, a_delivery(period="silent")).delivery_id
    with pytest.raises(Refused, match="without a ledger event"), unit_of_work(left.engine) as work:
        step(work, name, Custody.COLLECTED)
    assert state(left, name) is Custody.PUBLISHED


def test_publishing_again_starts_its_days_anew_and_a_receipt_tells_who_has_it(left: Register) -> None:
    name = publish(left, a_delivery(period="again")).delivery_id
    does(left, step, name, Custody.EXPIRED)
    later = NOON + timedelta(days=40)

    def again(work: Work) -> None:
        custody.save_step(work, custody.lock_custody(work, name), Custody.PUBLISHED, at=later, actor="engineer")

    does(left, again)
    found = sees(left, custody.custody_now, name)
    assert (found.state, found.published_at, found.with_recipient) == (Custody.PUBLISHED, later, False)
    entry = custody.ReceiptEntry(MANIFEST, name, "verified", later, "SHA256:x", "{}", SIGNATURE, later)
    assert does(left, custody.save_receipt, entry) is True
    assert does(left, custody.save_receipt, entry) is False, "once"
    assert sees(left, custody.custody_now, name).with_recipient
    assert sees(left, custody.was_taken, MANIFEST)
    assert sees(left, custody.list_receipts, name) == (entry,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE register.custody SET step = 'acknowledged'",
        "DELETE FROM register.custody",
        "UPDATE register.receipt SET result = 'verified and decrypted'",
        "DELETE FROM register.receipt",
        "DELETE FROM register.certificate",
        "DELETE FROM register.refused_document",
        "DELETE FROM register.removal",
    ],
)
def test_the_application_can_only_add(left: Register, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        left.database.execute(statement, APPLICATION)
