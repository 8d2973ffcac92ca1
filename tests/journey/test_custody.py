"""What becomes of a delivery after it left: reminded of, taken back, published again, withdrawn, destroyed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from extracts import signing
from extracts.agreement.custody import Custody
from extracts.agreement.decision import OrderKind
from extracts.agreement.working_days import BOTH_NATIONS, working_days_after
from extracts.errors import ApprovalMissing, IllegalTransition, Outcome, Refused, TechnicalFailure
from extracts.handover.certificate import Certificate, DestroyedDelivery
from extracts.handover.collection.area import FolderArea
from extracts.handover.collection.attesting import attest
from extracts.handover.collection.collecting import Collected, Means, collect
from extracts.handover.collection.waiting import Found, find_waiting
from extracts.handover.dropzone.index import Status, read_index
from extracts.handover.receipt import read_receipt
from extracts.handover.verify import verify_delivery
from extracts.record import custody
from extracts.record import notices as outbox
from extracts.record.transaction import reading
from extracts.steps.certificates import check_certificates
from extracts.steps.custody_clocks import Ticked, tick
from extracts.steps.keys import key_ids
from extracts.steps.taking_back import clear_area, republish, withdraw
from tests.support.command_line import extracts
from tests.support.world import ANALYSTS, FIFE, SCP, World, copied

WHO = {FIFE: "fife-council", ANALYSTS: "scottish-government-analysts", SCP: "social-security-scotland"}


@pytest.fixture
def lived(published_world: World, tmp_path: Path) -> Iterator[World]:
    with copied(published_world.home, tmp_path / "home", published_world.register) as world:
        yield world


def area(world: World, request_id: str) -> FolderArea:
    return FolderArea(world.work.places.drop_zone / WHO[request_id])


def there(world: World, request_id: str) -> custody.CustodyNow:
    with reading(world.work.register) as view:
        (found,) = custody.custodies(view, request_id=request_id)
    return found


def waits(world: World, request_id: str) -> Found:
    people = world.home.people
    return find_waiting(area(world, request_id), into(world), people.allowed_signers, world.work.now())


def into(world: World) -> Path:
    return world.home.home.with_name("recipient")


def collected(world: World, request_id: str) -> Collected:
    """Collected at the recipient's end, by the world's clock."""
    people, who = world.home.people, WHO[request_id]
    (waiting,) = waits(world, request_id).waiting
    means = Means(people.allowed_signers, into(world), world.work.now, people.identity(who), people.receipt_key(who))
    return collect(area(world, request_id), waiting, means)


def acknowledged(world: World, *request_ids: str) -> None:
    for request_id in request_ids:
        collected(world, request_id)
    assert tick(world.work).taken == len(request_ids)


def visible(world: World, request_id: str) -> list[str]:
    return [p.name for p in world.deliveries(request_id)]


def index_status(world: World, request_id: str) -> Status:
    path = world.work.places.drop_zone / WHO[request_id] / request_id / "index.json"
    (entry,) = read_index(path.read_bytes()).deliveries
    return entry.status


def told(world: World, kind: str, request_id: str) -> dict[str, list[str]]:
    """Audience -> bodies of the notices of this kind, oldest first."""
    with reading(world.work.register) as view:
        kept = sorted(outbox.list_notices(view, request_id=request_id), key=lambda k: k.raised_at)
    found: dict[str, list[str]] = {}
    for notice in (k.notice for k in kept if k.notice.kind == kind):
        found.setdefault(notice.audience, []).append(notice.body)
    return found


def move_to(world: World, day: date) -> None:
    world.later(days=(day - world.work.today()).days)


def quiet(done: Ticked) -> dict[str, int]:
    """What a round did to deliveries that left, without what it did nothing of; nothing may have gone wrong."""
    assert done.problems == []
    return {name: count for name, count in done.counts.items() if count and name != "not_delivered"}


# --- not acknowledged -------------------------------------------------------------------------------------------------


def test_what_nobody_acknowledges_is_reminded_of_taken_back_and_published_again(lived: World) -> None:
    name, first = there(lived, FIFE).delivery_id, lived.work.now().date()
    assert quiet(tick(lived.work)) == {}
    for days in (5, 10, 15):
        move_to(lived, working_days_after(first, days, BOTH_NATIONS))
        assert quiet(tick(lived.work))["reminded"] == 3, "of each of the three deliveries"
        assert quiet(tick(lived.work)) == {}, "once"
    last = working_days_after(first, 20, BOTH_NATIONS)
    assert f"taken out of the transfer area after {last}" in told(lived, "not acknowledged", FIFE)["recipient"][-1]
    move_to(lived, last)
    assert quiet(tick(lived.work)) == {}
    assert visible(lived, FIFE) == [name]
    lived.later(days=5)
    assert quiet(tick(lived.work)) == {"expired": 3}
    assert (visible(lived, FIFE), index_status(lived, FIFE)) == ([], Status.WITHDRAWN)
    assert there(lived, FIFE).state is Custody.EXPIRED
    assert waits(lived, FIFE).waiting == ()
    assert set(told(lived, "taken back", FIFE)) == {"recipient", "requester", "engineer"}
    assert "was not acknowledged in time" in told(lived, "taken back", FIFE)["recipient"][0]

    assert republish(lived.work, name, "engineer").name == name
    assert (visible(lived, FIFE), index_status(lived, FIFE)) == ([name], Status.CURRENT)
    assert there(lived, FIFE).state is Custody.PUBLISHED
    (folder,) = lived.deliveries(FIFE)
    assert verify_delivery(folder, lived.home.people.allowed_signers, lived.work.now()).passed
    with pytest.raises(IllegalTransition, match="is published; only what was taken back"):
        republish(lived.work, name, "engineer")
    assert quiet(tick(lived.work)) == {}, "its days count from the day on which it was published again"
    assert len(told(lived, "delivered", FIFE)["recipient"]) == 2
    acknowledged(lived, FIFE)
    assert there(lived, FIFE).state is Custody.ACKNOWLEDGED
    said = extracts(lived, "deliveries", "show", name)
    assert all(f"{word}, by" in said.text for word in ("expired", "published", "acknowledged"))


def test_a_late_receipt_counts_and_one_from_before_the_second_publication_does_not(lived: World) -> None:
    collected(lived, FIFE)
    inbox = area(lived, FIFE).root / "inbox"
    late = {p.name: p.read_bytes() for p in inbox.iterdir()}
    for path in list(inbox.iterdir()):
        path.unlink()
    lived.later(days=40)
    tick(lived.work)
    assert there(lived, FIFE).state is Custody.EXPIRED
    republish(lived.work, there(lived, FIFE).delivery_id, "engineer")
    for name, data in late.items():
        (inbox / name).write_bytes(data)
    assert quiet(tick(lived.work)) == {"refused": 1}
    assert "before the delivery was last published" in told(lived, "receipt refused", FIFE)["recipient"][0]
    assert there(lived, FIFE).state is Custody.PUBLISHED


def test_nothing_is_published_again_that_may_not_leave(lived: World) -> None:
    lived.later(days=40)
    tick(lived.work)
    name = there(lived, FIFE).delivery_id
    lived.order(FIFE, OrderKind.SUSPEND)
    with pytest.raises(ApprovalMissing):
        republish(lived.work, name, "engineer")
    assert visible(lived, FIFE) == []
    kept = lived.work.places.taken_back / there(lived, SCP).delivery_id
    (kept / "manifest.json").write_bytes(b"{}")
    with pytest.raises(Refused, match="is not kept here as it left"):
        republish(lived.work, kept.name, "engineer")


# --- withdrawn --------------------------------------------------------------------------------------------------------


def test_the_switch_empties_the_place_at_once_and_asks_whoever_has_it_to_destroy_it(lived: World) -> None:
    acknowledged(lived, FIFE)
    keys = key_ids(lived.work.places.keys)
    for request_id, says in ((FIFE, "fife-council has it"), (ANALYSTS, "No receipt says that")):
        name = there(lived, request_id).delivery_id
        began = time.monotonic()
        said = extracts(lived, "withdraw", name, "--reasons", "A column was wrong.", "--as-user", "engineer")
        assert (said.code, time.monotonic() - began < 10) == (0, True), said.text
        assert says in said.text
        assert (visible(lived, request_id), index_status(lived, request_id)) == ([], Status.WITHDRAWN)
        assert there(lived, request_id).state is Custody.WITHDRAWN
    assert set(told(lived, "to be destroyed", FIFE)) == {"recipient"}
    assert told(lived, "to be destroyed", ANALYSTS) == {}
    assert key_ids(lived.work.places.keys) == keys, "a withdrawn delivery leaves the pseudonym key"
    assert [e.kind for e in lived.ledger() if e.subject == name][-2:] == ["delivery.withdrawn", "delivery.removed"]
    assert waits(lived, FIFE).stale == {there(lived, FIFE).delivery_id: _STALE}
    assert extracts(lived, "withdraw", name, "--reasons", "Again.").code == 1


_STALE = "was withdrawn (A column was wrong.): do not use it, destroy it"


def test_a_receipt_for_what_was_withdrawn_tells_that_somebody_has_it(lived: World) -> None:
    collected(lived, ANALYSTS)
    withdraw(lived.work, there(lived, ANALYSTS).delivery_id, "engineer", "Wrong.")
    assert not there(lived, ANALYSTS).with_recipient
    assert quiet(tick(lived.work)) == {"taken": 1}
    found = there(lived, ANALYSTS)
    assert (found.state, found.must_be_destroyed) == (Custody.WITHDRAWN, True)
    assert "must be destroyed by" in told(lived, "to be destroyed", ANALYSTS)["recipient"][0]


def test_revoking_an_agreement_empties_its_area_and_retires_its_key(lived: World) -> None:
    began = time.monotonic()
    lived.order(ANALYSTS, OrderKind.REVOKE)
    assert time.monotonic() - began < 10
    assert (visible(lived, ANALYSTS), index_status(lived, ANALYSTS)) == ([], Status.WITHDRAWN)
    assert visible(lived, FIFE), "and nobody else's"
    assert ANALYSTS not in key_ids(lived.work.places.keys)
    assert "its agreement was revoked" in told(lived, "taken back", ANALYSTS)["recipient"][0]


def test_an_area_that_cannot_be_reached_is_emptied_by_the_next_round(
    lived: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, zone = there(lived, FIFE).delivery_id, lived.work.places.drop_zone
    zone.rename(zone.with_name("away"))
    with pytest.raises(TechnicalFailure, match="perhaps still in the transfer area"):
        withdraw(lived.work, name, "engineer", "Wrong.")
    assert there(lived, FIFE).state is Custody.WITHDRAWN, "the register says so at once"
    assert tick(lived.work).problems
    zone.with_name("away").rename(zone)
    assert visible(lived, FIFE) == [name]
    assert quiet(tick(lived.work)) == {"removed": 1}
    assert (visible(lived, FIFE), clear_area(lived.work)) == ([], ())


# --- destroyed --------------------------------------------------------------------------------------------------------


def test_destruction_is_counted_down_to_certified_by_one_document_and_overdue_stops_statistics_only(
    lived: World,
) -> None:
    acknowledged(lived, FIFE, ANALYSTS, SCP)
    for request_id in (FIFE, ANALYSTS):
        by = there(lived, request_id).destroy_by
        assert by is not None
        counted = []
        for left in (31, 30, 8, 7, 0, -1):
            move_to(lived, by - timedelta(days=left))
            tick(lived.work)
            counted.append(len(told(lived, "to be destroyed", request_id)["recipient"]) if left < 31 else 0)
        assert counted == [0, 1, 1, 2, 3, 3]
        certificate_by = there(lived, request_id).certificate_by
        assert certificate_by is not None
        move_to(lived, certificate_by)
        assert told(lived, "not destroyed", request_id) == {}
        check_certificates(lived.work, request_id)
        lived.later(days=1)
        tick(lived.work)
        assert set(told(lived, "not destroyed", request_id)) == {"recipient", "controller"}
    assert "so they go on" in told(lived, "not destroyed", FIFE)["controller"][0]
    check_certificates(lived.work, FIFE)
    assert "delivers nothing more" in told(lived, "not destroyed", ANALYSTS)["controller"][0]
    with pytest.raises(Refused, match="no certificate says that"):
        check_certificates(lived.work, ANALYSTS)
    certify(lived, ANALYSTS)
    check_certificates(lived.work, ANALYSTS)
    assert there(lived, ANALYSTS).state is Custody.DESTROYED
    assert visible(lived, ANALYSTS) == [], "the encrypted files go too"


def certify(world: World, request_id: str) -> None:
    name, key = there(world, request_id).delivery_id, world.home.people.receipt_key(WHO[request_id])
    words = {"method": "Secure deletion, backups included", "by": "A. Steward"}
    now = world.work.now()

    def sign() -> Path:
        return attest(area(world, request_id), into(world), [name], key, destroyed_at=now, now=now, **words)

    with pytest.raises(Refused, match="Copies still lie here"):
        sign()
    for path in (into(world) / request_id).glob(f"{name}*"):
        if path.is_dir():
            shutil.rmtree(path)
    sign()
    assert quiet(tick(world.work)) == {"taken": 1, "removed": 1}


def test_one_certificate_covers_many_deliveries_and_one_wrong_part_voids_it(lived: World) -> None:
    acknowledged(lived, FIFE)
    with reading(lived.work.register) as view:
        entry = custody.list_receipts(view, there(lived, FIFE).delivery_id)[0]
    receipt, now = read_receipt(entry.document.encode()), lived.work.now().replace(microsecond=0)
    good = DestroyedDelivery(receipt.delivery_id, receipt.manifest_digest)
    foreign = DestroyedDelivery(there(lived, SCP).delivery_id, receipt.manifest_digest)
    certificate = Certificate("fife-council", (good, foreign), "Shredded", True, "A. Steward", now, now, "by hand")
    inbox = area(lived, FIFE).root / "inbox"

    def offer(said: Certificate) -> Ticked:
        (inbox / "x.destroyed.json").write_bytes(said.text())
        signature = signing.sign(said.text(), lived.home.people.receipt_key("fife-council"), signing.DESTROYED)
        (inbox / "x.destroyed.json.sig").write_text(signature)
        return tick(lived.work)

    assert quiet(offer(certificate)) == {"refused": 1}
    assert there(lived, FIFE).state is Custody.ACKNOWLEDGED
    later = now + timedelta(hours=2)
    assert quiet(offer(replace(certificate, deliveries=(good,), destroyed_at=later, at=later))) == {"refused": 1}
    assert quiet(offer(replace(certificate, deliveries=(good,), method="\x1b[2J"))) == {"refused": 1}
    assert quiet(offer(replace(certificate, deliveries=(good,)))) == {"taken": 1, "removed": 1}
    assert there(lived, FIFE).state is Custody.DESTROYED


def test_an_overdue_certificate_stops_a_run_of_statistics_at_its_first_gate(lived: World) -> None:
    acknowledged(lived, ANALYSTS)
    found = there(lived, ANALYSTS)
    with lived.home.postgres.superuser(lived.register) as connection:
        connection.execute(b"ALTER TABLE register.delivery DISABLE TRIGGER keep_published")
        connection.execute(b"UPDATE register.delivery SET destroy_by = current_date - 400")
        connection.execute(b"ALTER TABLE register.delivery ENABLE ALWAYS TRIGGER keep_published")
    outcome = lived.run(ANALYSTS, reason="A correction.", period=found.delivery_id.split(".")[1])
    assert (outcome["outcome"], outcome["gate"]) == (Outcome.STOPPED, "check_approval")
    assert "extracts attest-destroyed" in outcome["reason"]
