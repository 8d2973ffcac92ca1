"""What recipients are told, signed, of a delivery that was due and did not come."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from extracts import signing
from extracts.agreement.decision import OrderKind
from extracts.agreement.no_delivery import WORDS, Reason
from extracts.agreement.schedule import next_times
from extracts.errors import Outcome
from extracts.handover.no_delivery import NoDelivery, read_no_delivery
from extracts.local.home import DemoHome
from extracts.record import no_delivery as kept
from extracts.record import notices as outbox
from extracts.record.transaction import reading
from extracts.steps.approval import approved_now
from extracts.steps.custody_clocks import tick
from extracts.steps.no_delivery import missing_now, reason_for
from tests.support.command_line import Said, extracts
from tests.support.world import FIFE, World, copied

WHO = "fife-council"


@pytest.fixture
def late(template_world: DemoHome, tmp_path: Path) -> Iterator[World]:
    """A world half an hour after its council's delivery was due; nothing ran."""
    with copied(template_world, tmp_path / "home") as world:
        due = next_times(approved_now(world.work, FIFE).plan.schedule, world.work.now(), 1)[0]
        world.later(seconds=(due + timedelta(minutes=30) - world.work.now()).total_seconds())
        yield world


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


def collect(world: World, into: Path) -> Said:
    people = world.home.people
    return extracts(
        None, "collect", folder(world).parent, "--signers", people.allowed_signers, "--into", into, "--json",
        EXTRACTS_HOME=str(into),
    )  # fmt: skip


def test_a_delivery_that_does_not_come_is_told_once_signed_and_gone_when_it_comes(late: World, tmp_path: Path) -> None:
    assert (tick(late.work).not_delivered, lying_there(late)) == (0, []), "an hour has not passed"
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

    assert late.run(FIFE, period=said.period)["outcome"] == Outcome.DELIVERED
    assert moved_on(late, tmp_path / "again") == {}, "a notice does not count beside the delivery"
    assert tick(late.work).problems == []
    assert lying_there(late) == []
    kinds = [e.kind for e in late.ledger() if e.subject == FIFE and e.kind.startswith("no-delivery.")]
    assert kinds == [f"no-delivery.{s}" for s in ("noted", "placed", "lifted", "removed")]
    late.later(hours=3)
    tick(late.work)
    assert (lying_there(late), len(told(late))) == ([], 1)


def verified_in_every_way(world: World, name: str, tmp_path: Path) -> None:
    """By the tool, by `verify`, and by ssh-keygen as the guide says; a changed one by none of them."""
    said, signers = the_notice(world), world.home.people.allowed_signers
    collected = collect(world, tmp_path / "council")
    assert (collected.code, collected.json["not_coming"]) == (0, {f"{FIFE}.{said.period}": said.says})
    found = extracts(None, "verify", folder(world), "--signers", signers)
    assert (found.code, said.says.split(".")[0] in found.text) == (0, True), found.text
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", said.signer, "-n", signing.NO_DELIVERY]
    command += [f"-Overify-time={said.at:%Y%m%d%H%M%S}Z", "-s", folder(world) / f"{name}.sig"]
    with (folder(world) / name).open("rb") as stream:
        assert subprocess.run(command, stdin=stream, capture_output=True, env={"TZ": "UTC"}).returncode == 0
    changed = tmp_path / "changed" / FIFE
    shutil.copytree(folder(world), changed)
    (changed / name).write_bytes((changed / name).read_bytes().replace(b"Nothing is needed", b"Something is due"))
    found = extracts(None, "verify", changed, "--signers", signers)
    assert (found.code, "does not verify" in found.text) == (1, True), found.text
    moved = changed.with_name("SDDSB-2026-999")
    shutil.copytree(folder(world), moved)
    found = extracts(None, "verify", moved, "--signers", signers)
    assert (found.code, "about another agreement" in found.text) == (1, True), found.text


def moved_on(world: World, into: Path) -> dict[str, str]:
    found: dict[str, str] = collect(world, into).json["not_coming"]
    return found


def test_a_run_that_a_check_stopped_is_told_without_what_stopped_it(
    late: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

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
