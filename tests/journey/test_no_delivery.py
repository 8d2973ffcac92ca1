"""What recipients are told, signed, of a delivery that was due and did not come."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from extracts import signing
from extracts.agreement.decision import OrderKind
from extracts.agreement.no_delivery import WORDS, Reason, in_words
from extracts.agreement.schedule import next_times
from extracts.errors import Outcome
from extracts.handover.chain import verify
from extracts.handover.collection.area import FolderArea
from extracts.handover.collection.waiting import find_waiting
from extracts.handover.no_delivery import NoDelivery, read_no_delivery
from extracts.local.home import DemoHome
from extracts.local.people import BOARD, SERVICE
from extracts.record import no_delivery as kept
from extracts.record import notices as outbox
from extracts.record.transaction import reading
from extracts.steps.approval import approved_now
from extracts.steps.custody_clocks import tick
from extracts.steps.no_delivery import missing_now, reason_for
from tests.support.command_line import extracts
from tests.support.world import FIFE, World, copied

WHO = "fife-council"


_COMES = f"""
INSERT INTO register.delivery (delivery_id, request_id, version, period, period_first, period_last, revision, recipient,
    decision_digest, run_id, reason, state, path, manifest_digest, rows, bytes, files, created_at, published_at)
SELECT d.request_id || '.' || %s || '.r1', d.request_id, d.version, %s, d.period_first, d.period_last, 1, d.recipient,
    d.decision_digest, d.run_id, '', 'published', d.path, d.manifest_digest, d.rows, d.bytes, d.files, d.created_at,
    now()
FROM register.delivery d WHERE d.request_id = '{FIFE}'
"""


@pytest.fixture
def late(template_world: DemoHome, tmp_path: Path) -> Iterator[World]:
    """A world half an hour after its council's first delivery was due; nothing ran."""
    with copied(template_world, tmp_path / "home") as world:
        half_an_hour_late(world)
        yield world


@pytest.fixture
def late_again(published_world: World, tmp_path: Path) -> Iterator[World]:
    """The same with its second one: the first one came."""
    with copied(published_world.home, tmp_path / "home", published_world.register) as world:
        half_an_hour_late(world)
        yield world


def half_an_hour_late(world: World) -> None:
    due = next_times(approved_now(world.work, FIFE).plan.schedule, world.work.now(), 1)[0]
    world.later(seconds=(due + timedelta(minutes=30) - world.work.now()).total_seconds())


def folder(world: World) -> Path:
    return Path(world.work.places.drop_zone) / WHO / FIFE


def lying_there(world: World) -> list[str]:
    return sorted(p.name for p in folder(world).glob("no-delivery.*")) if folder(world).is_dir() else []


def the_notice(world: World) -> NoDelivery:
    (path,) = folder(world).glob("no-delivery.*.json")
    return read_no_delivery(path.read_bytes(), path.name)


def told(world: World) -> list[str]:
    with reading(world.work.register) as view:
        found = [k.notice for k in outbox.list_notices(view, request_id=FIFE) if k.notice.kind == "no delivery"]
    assert {n.audience for n in found} <= {"recipient"}
    return [n.body for n in found]


def test_a_delivery_that_does_not_come_is_told_once_signed_and_gone_when_it_comes(
    late_again: World, tmp_path: Path
) -> None:
    late = late_again
    tick(late.work)
    assert lying_there(late) == [], "an hour has not passed"
    late.later(minutes=31)
    done = tick(late.work)
    assert (done.problems, done.not_delivered >= 1) == ([], True)
    name = lying_there(late)[0]
    assert lying_there(late) == [name, f"{name}.sig"]
    said = the_notice(late)
    assert said.recipient == WHO
    assert f"The delivery for {said.period}, due on {said.due_on}, did not come." in said.says
    assert WORDS[Reason.NOTHING_RAN].why in said.says
    assert said.next_due is not None
    assert f"The next one is due on {said.next_due}" in said.says
    assert said.contact in said.says
    (mailed,) = told(late)
    assert WORDS[Reason.NOTHING_RAN].why in mailed
    before = (folder(late) / name).read_bytes()
    late.later(hours=3)
    assert tick(late.work).not_delivered == 0
    assert ((folder(late) / name).read_bytes(), len(told(late))) == (before, 1), "never twice"

    verified_in_every_way(late, name, tmp_path)

    with late.home.postgres.superuser(late.register) as connection:
        connection.execute(_COMES.encode(), (said.period, said.period))
    assert tick(late.work).problems == []
    assert lying_there(late) == []
    kinds = [e.kind for e in late.ledger() if e.subject == FIFE and e.kind.startswith("no-delivery.")]
    assert kinds == [f"no-delivery.{s}" for s in ("noted", "placed", "lifted", "removed")]
    late.later(hours=3)
    tick(late.work)
    assert (lying_there(late), len(told(late))) == ([], 1)


def verified_in_every_way(world: World, name: str, tmp_path: Path) -> None:
    """By the tool, by `verify`, and by ssh-keygen as the guide says; a changed one by none of them."""
    said, signers, now = the_notice(world), world.home.people.allowed_signers, world.work.now()
    assert not_coming(world, tmp_path / "council") == {said.period: said.says}
    found = verify(folder(world), signers, now)[-1]
    assert (found.passed, said.says in found.sentences()[1]) == (True, True)
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", said.signer, "-n", signing.NO_DELIVERY]
    command += [f"-Overify-time={said.at:%Y%m%d%H%M%S}Z", "-s", folder(world) / f"{name}.sig"]
    with (folder(world) / name).open("rb") as stream:
        assert subprocess.run(command, stdin=stream, capture_output=True, env={"TZ": "UTC"}).returncode == 0
    changed = tmp_path / "changed" / FIFE
    shutil.copytree(folder(world), changed)
    (changed / name).write_bytes((changed / name).read_bytes().replace(b"Nothing is needed", b"Something is due"))
    moved = changed.with_name("SDDSB-2026-999")
    shutil.copytree(folder(world), moved)
    later = tmp_path / "later" / FIFE
    shutil.copytree(folder(world), later)
    for place, at, why in (
        (changed, now, "does not verify"),
        (moved, now, "about another agreement"),
        (later, now - timedelta(days=2), "a time in the future"),
    ):
        found = verify(place, signers, at)[-1]
        assert why in str(found.failed[0]), found.sentences()


def not_coming(world: World, into: Path) -> dict[str, str]:
    """What the recipient's tool says of deliveries that do not come."""
    area, signers = FolderArea(folder(world).parent), world.home.people.allowed_signers
    found = find_waiting(area, into, signers, world.work.now())
    assert found.problems == {}
    return {n.period: n.says for n in found.not_coming}


def test_the_recipient_s_commands_tell_of_it_and_of_one_that_somebody_put_there(
    published_world: World, tmp_path: Path
) -> None:
    people, area = published_world.home.people, tmp_path / WHO
    shutil.copytree(Path(published_world.work.places.drop_zone) / WHO, area)
    now = published_world.work.now()
    said = NoDelivery(
        recipient=WHO,
        request_id=FIFE,
        period="2031-01",
        due_on=now.date(),
        reason=Reason.STOPPED,
        says=in_words(Reason.STOPPED, "2031-01", now, None, "data@dwp.example"),
        next_due=None,
        contact="data@dwp.example",
        signer=SERVICE,
        at=now.replace(microsecond=0),
    )

    def put(period: str, key: str) -> None:
        data = replace(said, period=period).text()
        place = area / FIFE / f"no-delivery.{period}.json"
        place.write_bytes(data)
        signature = signing.sign(data, people.key(key), signing.NO_DELIVERY)
        place.with_name(f"{place.name}.sig").write_text(signature)

    put("2031-01", SERVICE)
    command = ("collect", area, "--signers", people.allowed_signers, "--into", tmp_path / "council")
    told = extracts(None, *command, EXTRACTS_HOME=str(tmp_path))
    assert (told.code, "says the controller: The delivery for 2031-01" in told.text) == (0, True), told.text
    verified = extracts(None, "verify", area / FIFE, "--signers", people.allowed_signers)
    assert (verified.code, "The delivery for 2031-01" in verified.text) == (0, True), verified.text
    (delivered,) = {p.name.split(".")[1] for p in (area / FIFE).iterdir() if p.is_dir()}
    put(delivered, SERVICE)
    put("2031-02", BOARD)
    told = extracts(None, *command, "--json", EXTRACTS_HOME=str(tmp_path))
    assert told.code == 1
    assert list(told.json["not_coming"]) == [f"{FIFE}.2031-01"], "one beside its delivery does not count"
    assert "Ask the contact whether the delivery comes" in str(told.json["problems"])
    verified = extracts(None, "verify", area / FIFE, "--signers", people.allowed_signers)
    assert (verified.code, "no-delivery.2031-02.json must not be used" in verified.text) == (1, True), verified.text


def test_a_run_that_a_check_stopped_is_told_without_what_stopped_it(
    late: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = replace(late.work, limits=replace(late.work.limits, hold_max_age_hours=0))
    stopped = World(late.home, work, late.started_at, late._clock).run(FIFE)
    assert stopped["outcome"] in (Outcome.STOPPED, Outcome.SOURCE_LATE), stopped
    late.later(minutes=31)
    tick(late.work)
    said = the_notice(late)
    assert said.reason in (Reason.STOPPED, Reason.SOURCE_LATE)
    for internal in ("hold", "check_", "gate", "Error", "run", "SQL"):
        assert internal not in said.says.replace("rehearsal", "")


def test_what_its_recipient_can_mend_comes_first(late: World) -> None:
    late.later(minutes=31)
    (missed,) = [m for m in missing_now(late.work) if m.due.request_id == FIFE]
    assert reason_for(late.work, missed) is Reason.NOTHING_RAN
    with late.home.postgres.superuser(late.register) as connection:
        connection.execute("DELETE FROM register.rehearsal_step WHERE step IN ('acknowledged', 'removed')")
    assert reason_for(late.work, missed) is Reason.NOT_REHEARSED
    late.order(FIFE, OrderKind.SUSPEND)
    (missed,) = [m for m in missing_now(late.work) if m.due.request_id == FIFE]
    assert reason_for(late.work, missed) is Reason.SUSPENDED
    tick(late.work)
    assert "The agreement is suspended." in the_notice(late).says
    late.order(FIFE, OrderKind.REVOKE)
    tick(late.work)
    assert lying_there(late) == [], "an agreement that ended owes nothing"


def test_an_area_that_cannot_be_reached_gets_it_in_the_next_round(late: World) -> None:
    late.later(minutes=31)
    zone = Path(late.work.places.drop_zone)
    zone.rename(zone.with_name("away"))
    assert tick(late.work).problems
    assert len(told(late)) == 1, "told by mail all the same"
    zone.with_name("away").rename(zone)
    assert tick(late.work).problems == []
    assert len(lying_there(late)) == 2
    with reading(late.work.register) as view:
        assert [e.request_id for e in kept.list_no_deliveries(view, FIFE)] == [FIFE]


def test_every_reason_has_words_that_say_what_to_do() -> None:
    assert set(WORDS) == set(Reason)
    for reason, words in WORDS.items():
        assert words.why.endswith("."), reason
        assert words.do.endswith("."), reason


def test_agreements_whose_delivery_came_are_told_nothing(published_world: World, tmp_path: Path) -> None:
    with copied(published_world.home, tmp_path / "home", published_world.register) as world:
        tick(world.work)
        assert [m.due.request_id for m in missing_now(world.work)] == []
        assert not list(Path(world.work.places.drop_zone).glob("*/*/no-delivery.*"))
