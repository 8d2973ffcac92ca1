"""Agreements that run elsewhere at the command line: registered, corrected, ended, compared with paper, reminded of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from extracts.agreement.notices import Audience
from extracts.errors import IllegalTransition, NotPermitted
from extracts.local.home import DemoHome
from extracts.record import notices as outbox
from extracts.record.transaction import reading
from extracts.steps.elsewhere import correct_elsewhere, end_elsewhere
from extracts.steps.notice_sending import addresses
from extracts.steps.notices import raise_due
from tests.support.command_line import Said, extracts
from tests.support.elsewhere import KEEPER, OWNER, options, registered
from tests.support.world import World, copied

_numbers = count(100)


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each has an id of its own."""
    with copied(template_world, tmp_path_factory.mktemp("elsewhere") / "home") as own:
        raise_due(own.work)
        yield own


@pytest.fixture
def new() -> str:
    return f"elsewhere-2024-{next(_numbers)}"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    file = tmp_path / "agreement.pdf"
    file.write_bytes(b"%PDF-1.7 a signed letter")
    return file


def elsewhere(world: World, *arguments: str | Path) -> Said:
    return extracts(world, "elsewhere", *arguments)


def events(world: World, elsewhere_id: str) -> list[str]:
    return [e.kind for e in world.ledger() if e.subject == elsewhere_id]


def test_one_is_registered_with_the_digest_of_its_scan_and_the_ledger_tells_no_words(
    shared: World, new: str, scan: Path
) -> None:
    said = elsewhere(shared, "add", new, *options(scan), "--json")
    assert said.code == 0, said.text
    assert said.json["scan_digest"] == f"sha256:{hashlib.sha256(scan.read_bytes()).hexdigest()}"
    assert said.json["recorded_by"].endswith(f" as {KEEPER}")
    (event,) = [e for e in shared.ledger() if e.subject == new]
    assert event.kind == "elsewhere.added"
    assert event.payload == {
        "revision": 1,
        "digest": said.json["digest"],
        "scan_digest": said.json["scan_digest"],
    }
    assert new in elsewhere(shared, "list", "--recipient", "fife-council", "--in-force").out
    assert "Blue badge" in elsewhere(shared, "show", new).out
    assert not list(shared.home.home.rglob("*.pdf")), "the scan is not kept"


def test_a_correction_keeps_what_was_and_says_why(shared: World, new: str, scan: Path) -> None:
    elsewhere(shared, "add", new, *options(scan))
    more = ("--valid-until", "2028-03-31", "--recipient-name", "NHS Fife", "--as-user", OWNER)
    said = elsewhere(shared, "correct", new, "--reasons", "Extended by letter.", *more)
    assert said.code == 0, said.text
    shown = elsewhere(shared, "show", new, "--json").json
    assert (shown["revision"], shown["recipient"], shown["title"]) == (2, "NHS Fife", "Blue badge look-ups by letter")
    assert [c["field"] for c in shown["history"][1]["changed"]] == ["recipient", "valid_until"]
    assert shown["history"][1]["reasons"] == "Extended by letter."
    assert events(shared, new) == ["elsewhere.added", "elsewhere.corrected"]
    again = elsewhere(shared, "correct", new, "--reasons", "Again.", *more)
    assert (again.code, "says that already" in again.text) == (2, True)


def test_what_has_ended_is_neither_corrected_nor_ended_again(shared: World, new: str, scan: Path) -> None:
    elsewhere(shared, "add", new, *options(scan))
    said = elsewhere(shared, "end", new, "--reasons", "It was replaced.", "--as-user", KEEPER)
    assert said.code == 0, said.text
    assert elsewhere(shared, "show", new, "--json").json["standing"] == "ended"
    assert new not in elsewhere(shared, "list", "--in-force").out
    for act in (("end",), ("correct", "--title", "Another")):
        refused = elsewhere(shared, act[0], new, "--reasons", "Once more.", *act[1:], "--as-user", KEEPER)
        assert (refused.code, "what has ended is not changed" in refused.text) == (1, True)
    assert events(shared, new) == ["elsewhere.added", "elsewhere.ended", *["elsewhere.refused"] * 2]


@pytest.mark.parametrize("on", ["2999-01-01", "2024-03-31", "yesterday"])
def test_it_ends_on_a_day_that_has_come_and_not_before_it_began(shared: World, new: str, scan: Path, on: str) -> None:
    elsewhere(shared, "add", new, *options(scan))
    assert elsewhere(shared, "end", new, "--reasons", "Over.", "--on", on, "--as-user", KEEPER).code == 2
    assert events(shared, new) == ["elsewhere.added"]


def test_a_file_is_compared_with_the_recorded_digest(shared: World, new: str, scan: Path, tmp_path: Path) -> None:
    elsewhere(shared, "add", new, *options(scan))
    assert elsewhere(shared, "verify", new, scan, "--json").json["same"] is True
    other = tmp_path / "other.pdf"
    other.write_bytes(b"%PDF-1.7 another letter")
    said = elsewhere(shared, "verify", new, other)
    assert (said.code, "is not the scan that is recorded" in said.text, OWNER in said.text) == (1, True, True)
    more = ("--scan", other, "--as-user", KEEPER)
    assert elsewhere(shared, "correct", new, "--reasons", "Page two was missing.", *more).code == 0
    assert elsewhere(shared, "verify", new, other).code == 0
    assert "It is the scan of revision 1" in elsewhere(shared, "verify", new, scan).text


@pytest.mark.parametrize("kind", ["missing", "folder", "empty"])
def test_a_scan_that_cannot_be_read_registers_nothing(shared: World, new: str, tmp_path: Path, kind: str) -> None:
    file = tmp_path / kind
    if kind == "folder":
        file.mkdir()
    elif kind == "empty":
        file.touch()
    said = elsewhere(shared, "add", new, *options(file), "--json")
    assert (said.code, said.json["error"]) == (2, "UsageError")
    assert kind in said.json["message"]
    assert elsewhere(shared, "show", new).code == 2
    assert elsewhere(shared, "add", new, *options(file, scan="")).code == 2, "a scan there has to be"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gateway": "no-such-power"}, "gateway"),
        ({"valid-until": "2024-03-31"}, "valid_until"),
        ({"title": "Blue\x07badge"}, "title"),
        ({"class": "<script>\u202e"}, "classes.0"),
        ({"owner": "nobody@dwp.example"}, "owner"),
        ({"valid-from": ""}, "valid_from"),
    ],
)
def test_bad_input_is_told_by_field_and_recorded_without_what_was_typed(
    shared: World, new: str, scan: Path, changes: dict[str, str], field: str
) -> None:
    said = elsewhere(shared, "add", new, *options(scan, **changes), "--json")
    assert (said.code, [p["field"] for p in said.json["problems"]]) == (2, [field])
    (event,) = [e for e in shared.ledger() if e.subject == new]
    assert (event.kind, event.payload) == ("elsewhere.refused", {"tried": "add", "reason": "cannot be read"})


def test_the_same_id_twice_and_an_id_of_another_form_are_refused(shared: World, new: str, scan: Path) -> None:
    assert elsewhere(shared, "add", new, *options(scan)).code == 0
    twice = elsewhere(shared, "add", new, *options(scan, title="Another"))
    assert (twice.code, "is registered already" in twice.text) == (1, True)
    for other in ("SDDSB-2026-014", "../x", "elsewhere-2024-1<b>"):
        assert elsewhere(shared, "add", other, *options(scan)).code == 2


@pytest.mark.parametrize("who", ["forum.member@dwp.example", "callum.requester@fife.example", OWNER, "nobody"])
def test_whoever_does_not_keep_them_registers_none_and_the_ledger_is_told(
    shared: World, new: str, scan: Path, who: str
) -> None:
    said = elsewhere(shared, "add", new, *options(scan, **{"as-user": who}))
    assert (said.code, "NotPermitted" in said.text) == (1, True)
    assert events(shared, new) == ["elsewhere.refused"]


def test_an_owner_keeps_their_own_and_nobody_else_s(shared: World, new: str) -> None:
    registered(shared, new, owner="legal.adviser@dwp.example")
    with pytest.raises(NotPermitted):
        correct_elsewhere(shared.work, new, {"title": "Mine"}, "It is mine.", OWNER)
    end_elsewhere(shared.work, new, "It was replaced.", "legal.adviser@dwp.example")
    with pytest.raises(IllegalTransition):
        end_elsewhere(shared.work, new, "Again.", KEEPER)


# --- its owner is reminded --------------------------------------------------------------------------------------------


def reminders(world: World, elsewhere_id: str) -> list[str]:
    with reading(world.work.register) as view:
        found = outbox.list_notices(view, request_id=elsewhere_id)
    assert {k.notice.audience for k in found} <= {Audience.OWNER}
    return [k.notice.body.partition("ends in ")[2].partition(" days")[0] for k in reversed(found)]


def test_its_owner_is_reminded_60_30_and_7_days_before_the_end_once_each(shared: World, new: str) -> None:
    end = shared.work.today() + timedelta(days=61)
    registered(shared, new, valid_until=end.isoformat(), review_on=None)
    told = []
    for days in (0, 1, 1, 29, 31, 54, 61, 62):
        shared.later(days=days)
        raise_due(shared.work)
        raise_due(shared.work)
        told.append(reminders(shared, new))
        shared.later(days=-days)
    assert told == [[], ["60"], ["60"], ["60"], ["60", "30"], *[["60", "30", "7"]] * 3]
    assert events(shared, new) == ["elsewhere.added", *["notice.raised"] * 3]


def test_nobody_is_reminded_of_what_was_ended_and_a_new_last_day_is_told_anew(shared: World, new: str) -> None:
    near, later = (shared.work.today() + timedelta(days=days) for days in (20, 50))
    registered(shared, new, valid_until=near.isoformat(), review_on=None)
    raise_due(shared.work)
    correct_elsewhere(shared.work, new, {"title": "Blue badges"}, "A better title.", KEEPER)
    raise_due(shared.work)
    assert reminders(shared, new) == ["20"]
    correct_elsewhere(shared.work, new, {"valid_until": later.isoformat()}, "Extended.", KEEPER)
    raise_due(shared.work)
    assert reminders(shared, new) == ["20", "50"]
    end_elsewhere(shared.work, new, "It was replaced.", KEEPER)
    shared.later(days=45)
    raise_due(shared.work)
    shared.later(days=-45)
    assert reminders(shared, new) == ["20", "50"]


def test_a_reminder_goes_to_whoever_owns_it_today_and_holds_nothing_that_was_typed(shared: World, new: str) -> None:
    near = shared.work.today() + timedelta(days=5)
    registered(shared, new, valid_until=near.isoformat(), review_on=None, title="Zztitlezz")
    raise_due(shared.work)
    correct_elsewhere(shared.work, new, {"owner": "legal.adviser@dwp.example"}, "Handed over.", KEEPER)
    with reading(shared.work.register) as view:
        (kept,) = outbox.list_notices(view, request_id=new)
    assert addresses(shared.work, kept.notice) == ("legal.adviser@dwp.example",)
    assert "Zz" not in kept.notice.subject + kept.notice.body
    assert "@" not in kept.notice.subject + kept.notice.body
    sent = extracts(shared, "notices", "send")
    assert sent.code == 0, sent.text
    assert new in extracts(shared, "notices", "list", "--request-id", new).out


# --- the forum counts it ----------------------------------------------------------------------------------------------


def test_the_forum_s_pack_counts_it_and_tells_of_it(shared: World, new: str) -> None:
    month = f"{shared.work.today():%Y-%m}"
    before = extracts(shared, "forum", "pack", "--month", month, "--json").json["agreements"]
    end = shared.work.today() + timedelta(days=10)
    registered(shared, new, title="<b>Zz</b>", valid_until=end.isoformat(), review_on=None)
    pack = extracts(shared, "forum", "pack", "--month", month, "--json").json
    assert len(pack["agreements"]["elsewhere"]) == len(before["elsewhere"]) + 1
    assert [d["what"] for d in pack["agreements"]["due"] if d["agreement"]["request_id"] == new] == ["end"]
    assert [h["what"] for h in pack["since"]["happened"] if h["request_id"] == new] == [
        "Agreement that runs elsewhere registered"
    ]
    page = extracts(shared, "forum", "pack", "--month", month).out
    assert "in force, runs elsewhere" in page
    assert "<b>Zz</b>" not in page
