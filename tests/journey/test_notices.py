"""What people are told: raised with its cause, sent at least once, and nothing about anybody in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from extracts.agreement.decision import OrderKind
from extracts.catalogue.people import Role
from extracts.errors import Busy, Refused
from extracts.local.home import DemoHome
from extracts.mail.folder import FolderChannel
from extracts.mail.smtp import Security, SmtpChannel
from extracts.record import notices as outbox
from extracts.record import register
from extracts.record.locks import sender_lock
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices as raising
from extracts.steps.expiry import expire_ended
from extracts.steps.notice_sending import pause_after, send_notices
from extracts.steps.withdrawal import withdraw_request
from extracts.steps.workplace import Workplace
from tests.support.command_line import extracts
from tests.support.deciding import REQUESTER, SIGNERS, approved, decide, draw_up, sign, submit
from tests.support.mail_server import MailServer, running
from tests.support.world import FIFE, World, copied

BOARD, CONTROLLER, ENGINEER = "board.chair@dwp.example", "controller@dwp.example", "data.engineer@dwp.example"
CONTACT = "benefit.advice@fife.example"


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share; what the world's own making raised was sent."""
    with copied(template_world, tmp_path_factory.mktemp("notices") / "home") as own:
        assert extracts(own, "notices", "send").code == 0
        yield own


def told(world: World, request_id: str) -> list[tuple[str, str]]:
    """(kind, audience) of every notice about a request, oldest first."""
    with reading(world.work.register) as view:
        found = outbox.list_notices(view, request_id=request_id)
    return [(k.notice.kind.value, k.notice.audience.value) for k in sorted(found, key=lambda k: k.raised_at)]


def kinds(world: World, request_id: str, kind: str) -> list[str]:
    return sorted(audience for found, audience in told(world, request_id) if found == kind)


def alike(world: World, **changes: Any) -> Workplace:
    """The workplace with something changed, on the same connections and files."""
    work = replace(world.work, **changes)
    work.__dict__.update({name: getattr(world.work, name) for name in ("register", "parties", "policy")})
    return work


def by_mail(world: World, server: MailServer, **changes: Any) -> Workplace:
    """The workplace with mail as its only channel."""
    mail = SmtpChannel("127.0.0.1", server.port, "notices@dwp.example", Security.NONE)
    return alike(world, channels=(replace(mail, **changes),))


def after_a_pause(world: World, work: Workplace) -> Workplace:
    """The same when the first pause is over."""
    return alike(world, channels=work.channels, now=lambda: world.work.now() + pause_after(1))


# --- raised with what causes them -------------------------------------------------------------------------------------


def test_a_submission_awaits_both_and_a_signature_the_other_one(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    assert kinds(shared, request_id, "awaited") == ["board", "controller"]
    submit(shared, tmp_path, request_id)
    assert len(told(shared, request_id)) == 2, "the same again tells nobody again"
    decision = draw_up(shared, request_id)
    sign(shared, decision, Role.BOARD)
    assert kinds(shared, request_id, "awaited") == ["board", "controller", "controller"]
    sign(shared, decision, Role.CONTROLLER)
    assert kinds(shared, request_id, "approved") == ["engineer", "recipient", "requester"]


def test_what_is_refused_saves_neither_the_change_nor_a_notice(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    decision = draw_up(shared, request_id)
    before = told(shared, request_id)

    def fails_at_the_end() -> None:
        with unit_of_work(shared.work.register) as unit:
            raising.decided(unit, decision, "", shared.work.now())
            raise Refused("Something else in the same transaction.")

    with pytest.raises(Refused):
        fails_at_the_end()
    assert told(shared, request_id) == before


@pytest.mark.parametrize(("outcome", "kind"), [("return", "returned"), ("refuse", "refused")])
def test_a_return_or_refusal_is_told_to_its_requester(shared: World, tmp_path: Path, outcome: str, kind: str) -> None:
    request_id = submit(shared, tmp_path)
    decision = draw_up(shared, request_id, outcome)
    for role in SIGNERS if outcome == "refuse" else [Role.BOARD]:
        sign(shared, decision, role)
    assert kinds(shared, request_id, kind) == ["requester"]
    with reading(shared.work.register) as view:
        body = next(k.notice.body for k in outbox.list_notices(view, request_id=request_id) if k.notice.kind == kind)
    if outcome == "refuse":
        assert "The Board or the Controller decided so" in body, "the declared words of the reason code"
        assert f"(until {decision.escalate_until})" in body
    assert "For a test." not in body, "what somebody typed"


def test_whoever_stops_an_agreement_everybody_concerned_hears_it(shared: World, tmp_path: Path) -> None:
    request_id = approved(shared, tmp_path)
    shared.order(request_id, OrderKind.SUSPEND)
    everybody = ["engineer", "recipient", "requester"]
    assert kinds(shared, request_id, "stopped") == everybody
    shared.order(request_id, OrderKind.RESUME)
    assert kinds(shared, request_id, "stopped") == everybody
    withdraw_request(shared.work, request_id, REQUESTER, "No longer needed.")
    assert kinds(shared, request_id, "stopped") == sorted(everybody * 2)
    undecided = submit(shared, tmp_path)
    withdraw_request(shared.work, undecided, REQUESTER, "Not this one.")
    assert kinds(shared, undecided, "stopped") == [], "nothing ran that could stop"


def test_an_agreement_that_is_over_is_told_once(shared: World, tmp_path: Path) -> None:
    request_id, soon = submit(shared, tmp_path), shared.work.now().date() + timedelta(days=3)
    decide(shared, request_id, valid_until=soon, review_on=soon)
    later = alike(shared, now=lambda: shared.work.now() + timedelta(days=10))
    for _ in range(2):
        expire_ended(later)
    assert kinds(shared, request_id, "stopped") == ["engineer", "recipient", "requester"]


def test_a_run_that_a_control_stopped_is_told_to_the_engineer(shared: World) -> None:
    shared.order(FIFE, OrderKind.SUSPEND)
    assert shared.run(FIFE)["outcome"] == "stopped by a control"
    with reading(shared.work.register) as view:
        stopped = [k.notice for k in outbox.list_notices(view, request_id=FIFE) if ":run:" in k.notice.cause]
    assert [(n.audience, "check_approval" in n.body) for n in stopped] == [("engineer", True)]


# --- raised by time ---------------------------------------------------------------------------------------------------


def test_an_overdue_stage_is_told_once_however_often_somebody_looks(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    shared.later(days=40)
    try:
        first = raising.raise_due(shared.work)
        assert first >= 3
        assert raising.raise_due(shared.work) == 0
        assert kinds(shared, request_id, "overdue") == ["board", "controller", "requester"]
        (event,) = (e for e in shared.ledger("notice.raised") if e.subject == request_id)
        assert event.payload == {"kind": "overdue", "version": 1, "notices": 3}
        sign(shared, draw_up(shared, request_id), Role.BOARD)
        shared.later(days=30)
        raising.raise_due(shared.work)
        assert len(kinds(shared, request_id, "overdue")) == 6, "the next stage is late, too"
    finally:
        shared.later(days=-shared._clock[0].days)


def test_a_renewal_is_prompted_sixty_thirty_and_seven_days_before_the_end(shared: World, tmp_path: Path) -> None:
    request_id, end = submit(shared, tmp_path), shared.work.now().date() + timedelta(days=90)
    decide(shared, request_id, valid_until=end, review_on=end)
    counts = []
    for left in (61, 60, 45, 30, 29, 7, 1, -1):
        work = alike(shared, now=lambda left=left: shared.work.now() + timedelta(days=90 - left))
        raising.raise_due(work)
        counts.append(len(kinds(shared, request_id, "renewal due")) // 2)
    assert counts == [0, 1, 1, 2, 2, 3, 3, 3]
    with reading(shared.work.register) as view:
        (last, *_) = [
            k.notice for k in outbox.list_notices(view, request_id=request_id) if k.notice.kind == "renewal due"
        ]
    assert last.subject == f"{request_id}: ends on {end}"
    assert "Delivered: 0 periods. Due and never delivered: 3 periods." in last.body


# --- sent -------------------------------------------------------------------------------------------------------------


def test_each_goes_to_whoever_has_the_role_and_once(shared: World, tmp_path: Path) -> None:
    with running(MailServer()) as server:
        work = by_mail(shared, server)
        send_notices(work)
        server.to.clear()
        request_id = approved(shared, tmp_path)
        done = send_notices(work)
        assert (done.sent, done.failed, done.problems) == (6, 0, ())
        assert sorted(server.to) == sorted([BOARD, CONTROLLER, CONTROLLER, REQUESTER, CONTACT, ENGINEER])
        assert send_notices(work).sent == 0
    sent = [e for e in shared.ledger("notice.sent") if e.subject == request_id]
    assert len(sent) == 6
    assert not [e for e in sent if "@" in str(e.payload)], "no address in the ledger"
    rows = extracts(shared, "notices", "list", "--request-id", request_id, "--json").json
    assert {r["state"] for r in rows} == {"sent"}


def test_killed_between_sending_and_noting_it_goes_again_with_the_same_message_id(
    shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(MailServer()) as server:
        work = by_mail(shared, server)
        send_notices(work)
        submit(shared, tmp_path)
        first = len(server.mails)

        def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(outbox, "note_sent", killed)
            with pytest.raises(KeyboardInterrupt):
                send_notices(work)
        assert send_notices(work).sent == 2
    again = [mail["Message-ID"] for mail in server.mails[first:]]
    assert len(again) == 3
    assert len(set(again)) == 2, "at least once, and recognisably the same"


def test_a_server_that_took_it_and_vanished_gets_it_again(shared: World, tmp_path: Path) -> None:
    with running(MailServer(hang_up_after_taking=True)) as server:
        work = by_mail(shared, server)
        submit(shared, tmp_path)
        done = send_notices(work)
        assert (done.sent, done.failed) == (0, 1)
        assert "The mail server cannot be used" in done.problems[0]
        server.hang_up_after_taking = False
        later = after_a_pause(shared, work)
        assert send_notices(later).sent >= 2
    assert len(server.mails) > len({mail["Message-ID"] for mail in server.mails})


def test_a_refused_address_is_tried_again_with_growing_pauses_and_never_given_up(shared: World, tmp_path: Path) -> None:
    assert [pause_after(n) for n in (1, 2, 3, 9, 500)] == [
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(minutes=45),
        timedelta(hours=12),
        timedelta(hours=12),
    ]
    with running(MailServer()) as server:
        work = by_mail(shared, server)
        send_notices(work)
        server.refuse = {BOARD}
        request_id = submit(shared, tmp_path)
        done = send_notices(work)
        assert (done.sent, done.failed, done.problems) == (1, 1, ())
        assert send_notices(work).failed == 0, "not before its pause is over"
        (row,) = extracts(shared, "notices", "list", "--request-id", request_id, "--waiting", "--json").json
        assert row["to"] == "board"
        assert row["state"].startswith("failed 1 times, next try ")
        assert BOARD not in row["state"]
        server.refuse = set()
        assert send_notices(after_a_pause(shared, work)).sent == 1


def test_a_role_that_nobody_has_waits_until_somebody_does(shared: World, tmp_path: Path) -> None:
    with running(MailServer()) as server:
        work = by_mail(shared, server)
        send_notices(work)
        parties = work.parties
        nobody = {n: p for n, p in parties.principals.items() if n != CONTROLLER}
        empty = alike(shared, channels=work.channels)
        empty.__dict__["parties"] = replace(parties, principals=nobody)
        request_id = submit(shared, tmp_path)
        assert send_notices(empty).sent == 1
        (row,) = extracts(shared, "notices", "list", "--request-id", request_id, "--waiting", "--json").json
        assert "nobody to tell" in row["state"]
        server.to.clear()
        later = after_a_pause(shared, work)
        assert send_notices(later).sent == 1
        assert server.to == [CONTROLLER]


def test_a_channel_that_is_switched_on_later_does_not_send_what_others_sent_before(
    shared: World, tmp_path: Path
) -> None:
    folder = FolderChannel(tmp_path / "notices")
    submit(shared, tmp_path)
    send_notices(alike(shared, channels=(folder,)))
    with running(MailServer()) as server:
        mail = by_mail(shared, server).channels
        send_notices(alike(shared, channels=mail))
        server.to.clear()
        submit(shared, tmp_path)
        assert send_notices(alike(shared, channels=(folder, *mail))).sent == 4
        assert sorted(server.to) == [BOARD, CONTROLLER]


def test_two_senders_at_once_are_one(shared: World) -> None:
    with sender_lock(shared.work.register):
        failed: list[type[BaseException]] = []

        def second() -> None:
            try:
                send_notices(shared.work)
            except BaseException as error:
                failed.append(type(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert failed == [Busy]


def test_a_policy_that_cannot_be_read_holds_up_nothing_that_waits(shared: World, tmp_path: Path) -> None:
    governance = tmp_path / "governance"
    governance.mkdir()
    for name in ("parties", "gateways", "delegations"):
        (governance / f"{name}.yaml").write_text((shared.work.places.governance / f"{name}.yaml").read_text())
    (governance / "policy.yaml").write_text("version: x\n")
    submit(shared, tmp_path)
    said = extracts(shared, "notices", "send", "--json", EXTRACTS_GOVERNANCE=str(governance))
    assert (said.code, said.json["sent"]) == (1, 2)
    assert "policy.yaml" in said.json["problems"][0]


def test_what_was_sent_cannot_be_unsent_and_no_notice_can_be_changed(shared: World) -> None:
    engine = shared.work.register
    from sqlalchemy import text

    for statement, why in (
        ("UPDATE register.notice_sending SET sent_at = NULL WHERE sent_at IS NOT NULL", "does not change"),
        ("UPDATE register.notice SET body = 'x'", "permission denied"),
        ("DELETE FROM register.notice_sending", "permission denied"),
    ):
        with pytest.raises(Exception, match=why), engine.begin() as connection:
            connection.execute(text(statement))


# --- what is in them --------------------------------------------------------------------------------------------------


def test_no_notice_holds_what_a_person_typed(shared: World, tmp_path: Path) -> None:
    typed = {"title: Benefit cap support, Fife": "title: Zztitlezz", "to households in Fife": "to Zzpersonzz QQ123456C"}
    request_id = submit(shared, tmp_path, changes=typed)
    decision = draw_up(shared, request_id, "approve in part", refuse=("forenames",), conditions=("Zzconditionzz",))
    for role in SIGNERS:
        sign(shared, decision, role)
    shared.order(request_id, OrderKind.SUSPEND)
    with reading(shared.work.register) as view:
        found = outbox.list_notices(view, request_id=request_id)
        entry = register.get_request(view, request_id)
    texts = " ".join(f"{k.notice.subject} {k.notice.body}" for k in found)
    assert "11 of 12 columns were granted" in texts
    for value in ("Zz", "QQ123456C", "A test needs it", "For a test", entry.title, REQUESTER, "Callum"):
        assert value not in texts
    assert "@" not in texts
