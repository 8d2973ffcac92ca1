"""Clocks, returns with comments, resubmissions and refusals, as both bodies meet them at the command line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from extracts.errors import Refused, UsageError
from extracts.local.home import DemoHome
from extracts.local.people import BOARD, CONTROLLER
from tests.support.command_line import Said, extracts
from tests.support.deciding import EXPEDITED, SIGNERS, approved, decide, draw_up, sign, submit
from tests.support.world import World, copied


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each has a request of its own, and puts the clock back."""
    with copied(template_world, tmp_path_factory.mktemp("clocks") / "home") as own:
        yield own


def shown(world: World, request_id: str, *more: str) -> Said:
    said = extracts(world, "request", "show", request_id, *more)
    assert said.code == 0, said.text
    return said


def returned(world: World, request_id: str, *comments: str) -> Said:
    why = ("--outcome", "return", "--reasons", "Please mend this.")
    options = [o for c in comments for o in ("--comment", c)]
    key = world.home.people.key(BOARD)
    return extracts(world, "decide", request_id, "--as", "board", "--key", key, *why, *options)


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_the_clock_is_shown_by_show_list_and_why_and_to_programs(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    assert "0 of 30 working days, due on" in shown(shared, request_id).text
    clock = shown(shared, request_id, "--json").json["clock"]
    assert (clock["lane"], clock["pace"], clock["target"], clock["overdue"]) == ("ordinary", "runs", 30, False)
    assert [(s["name"], s["target"]) for s in clock["stages"]] == [("submitted", 20), ("in review", 10)]
    listed = {row["id"]: row for row in extracts(shared, "request", "list", "--json").json}
    assert listed[request_id]["clock"] == clock
    assert extracts(shared, "why", request_id, "--json").json["clock"] == clock
    assert clock["due_by"] in extracts(shared, "request", "list").text
    assert "submitted: 0 of 20 working days" in extracts(shared, "why", request_id).text


def test_an_expedited_request_says_999_and_is_overdue_sooner(
    shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = submit(shared, tmp_path, changes=EXPEDITED)
    emergency = "Immediate danger to a person is a call to 999, not a data request."
    assert f"Evictions begin this week. {emergency}" in shown(shared, request_id).text
    checked = extracts(shared, "request", "check", tmp_path / f"{request_id}-1.yaml")
    assert f"Asks for the expedited lane. {emergency}" in checked.text
    late = shared.work.now() + timedelta(days=9)
    monkeypatch.setattr("extracts.steps.workplace.Workplace.today", lambda _: late.date())
    assert shown(shared, request_id, "--json").json["clock"]["overdue"]
    rows = extracts(shared, "request", "list", "--overdue", "--json").json
    assert [r["id"] for r in rows] == [request_id], "others have 20 days"
    assert "OVERDUE" in extracts(shared, "request", "list", "--overdue").text


def test_the_expedited_lane_still_takes_two_signatures(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path, changes=EXPEDITED)
    decision = draw_up(shared, request_id)
    for role, status in zip(SIGNERS, ("in review", "approved"), strict=True):
        assert sign(shared, decision, role).status == status


@pytest.mark.parametrize("expedited", ["{}", "{reason: ''}", "yes please", "{reason: Soon., lane: red}"])
def test_the_expedited_lane_needs_a_reason_and_nothing_else(shared: World, tmp_path: Path, expedited: str) -> None:
    asked = {"needed_by: 2026-04-01\n": f"needed_by: 2026-04-01\nexpedited: {expedited}\n"}
    from extracts.errors import InvalidDocument

    with pytest.raises(InvalidDocument, match="expedited"):
        submit(shared, tmp_path, changes=asked)


def test_a_policy_that_cannot_be_read_does_not_keep_why_from_answering(
    shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id, governance = submit(shared, tmp_path), tmp_path / "governance"
    governance.mkdir()
    for name in ("parties", "gateways", "delegations"):
        (governance / f"{name}.yaml").write_text((shared.work.places.governance / f"{name}.yaml").read_text())
    (governance / "policy.yaml").write_text("version: x\n")
    said = extracts(shared, "why", request_id, "--json", EXTRACTS_GOVERNANCE=str(governance))
    assert (said.code, said.json["clock"]) == (0, None)
    assert extracts(shared, "request", "list", EXTRACTS_GOVERNANCE=str(governance)).code == 2


# --- return and resubmit ----------------------------------------------------------------------------------------------


def test_a_return_carries_comments_which_the_next_version_answers_or_does_not(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    said = returned(shared, request_id, "retention.days=Why so long?", "benefit_cap.forenames=Is it needed?")
    assert said.code == 0, said.text
    assert "retention.days: Why so long?" in said.text, "shown before it is signed"
    assert "datasets.benefit_cap.forenames: Is it needed?" in shown(shared, request_id).text
    assert shown(shared, request_id, "--json").json["clock"]["pace"].startswith("stopped")
    event = next(e for e in shared.ledger("decision.signed") if e.subject == request_id)
    assert event.payload["comments"] == 2

    submit(shared, tmp_path, request_id, 2, {"days: 120": "days: 90"})
    text = shown(shared, request_id, "--changes").text
    assert "How version 2 differs from version 1" in text
    assert "retention.days: 120 -> 90" in text
    found = shown(shared, request_id, "--changes", "--json").json
    assert found["changes"] == [{"field": "retention.days", "before": "120", "after": "90"}]
    assert found["unanswered"] == ["datasets.benefit_cap.forenames"]
    assert (found["version"], found["version_before"]) == (2, 1)
    assert "not answered" in shown(shared, request_id).text


def test_a_column_that_was_dropped_answers_a_comment_on_it(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    assert returned(shared, request_id, "benefit_cap.forenames.justification=Is it needed?").code == 0
    text = (tmp_path / f"{request_id}-1.yaml").read_text()
    forenames = next(line for line in text.splitlines() if "name: forenames" in line)
    block = text[text.index(forenames) :].split("- name:", 2)
    submit(shared, tmp_path, request_id, 2, {f"- name:{block[1]}": ""})
    found = shown(shared, request_id, "--changes", "--json").json
    assert [c["field"] for c in found["changes"]] == ["datasets.benefit_cap.forenames"]
    assert found["unanswered"] == []


def test_a_first_version_has_no_changes_and_says_so(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    assert f"{request_id} version 1 is the first." in shown(shared, request_id, "--changes").text


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        ("retention.dys=Why?", "retention.days"),
        ("retention.days", "needs its comment"),
        ("=Why?", "no field"),
        ("retention.days=\x1b[2K", "invisible character"),
    ],
)
def test_a_comment_that_names_or_says_nothing_is_refused_and_nothing_is_returned(
    shared: World, tmp_path: Path, comment: str, why: str
) -> None:
    request_id = submit(shared, tmp_path)
    said = returned(shared, request_id, comment)
    assert (said.code, why in said.text) == (2, True), said.text
    assert shown(shared, request_id, "--json").json["status"] == "submitted"


def test_comments_belong_to_a_return(shared: World, tmp_path: Path) -> None:
    request_id, key = submit(shared, tmp_path), shared.home.people.key(BOARD)
    why = ("--outcome", "refuse", "--reasons", "No.", "--comment", "title=Say more.")
    said = extracts(shared, "decide", request_id, "--as", "board", "--key", key, *why)
    assert said.code == 2
    assert "Comments on fields belong to a return." in said.text


# --- refuse -----------------------------------------------------------------------------------------------------------


def test_a_refusal_tells_why_under_which_clause_what_would_do_whom_to_ask_and_until_when(
    shared: World, tmp_path: Path
) -> None:
    request_id, people = submit(shared, tmp_path, changes={"days: 120": "days: 900"}), shared.home.people
    why = ("--outcome", "refuse", "--reasons", "Kept too long.", "--reason-code", "not-proportionate")
    for role, key, terms in (("board", BOARD, why), ("controller", CONTROLLER, ())):
        said = extracts(shared, "decide", request_id, "--as", role, "--key", people.key(key), *terms)
        assert said.code == 0, said.text
    text = shown(shared, request_id).text
    for told in ("not-proportionate", "R3: UK GDPR, article 5(1)(e)", "Shorten the retention", "head of data sharing"):
        assert told in text
    found = shown(shared, request_id, "--json").json
    assert f"to be asked by {found['decisions'][0]['escalate_until']}" in text
    assert found["clock"]["pace"] == "ended"


def test_a_refusal_that_lay_too_long_is_not_signed_and_changes_nothing(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    decision = draw_up(shared, request_id, "refuse")
    board, controller = SIGNERS
    sign(shared, decision, board)
    shared.later(days=25)
    try:
        with pytest.raises(Refused, match="in which to ask again"):
            sign(shared, decision, controller)
        assert shown(shared, request_id, "--json").json["status"] == "in review"
        decide(shared, request_id, "refuse")
    finally:
        shared.later(days=-25)
    assert shown(shared, request_id, "--json").json["status"] == "refused"


def test_a_route_that_the_policy_does_not_declare_is_refused(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    with pytest.raises(UsageError, match="no escalation route"):
        draw_up(shared, request_id, "refuse", route="a-friend")


# --- renew ------------------------------------------------------------------------------------------------------------


def test_why_prompts_the_renewal_with_what_came_and_what_did_not(shared: World, tmp_path: Path) -> None:
    request_id, soon = submit(shared, tmp_path), shared.work.now().date() + timedelta(days=20)
    decide(shared, request_id, valid_until=soon, review_on=soon)
    found = extracts(shared, "why", request_id, "--json").json["renewal"]
    assert (found["ends_on"], found["days_left"], found["prompt"]) == (soon.isoformat(), 20, 30)
    assert (found["delivered"], found["never_delivered"]) == ([], [])
    assert f"ends on {soon}, in 20 days" in extracts(shared, "why", request_id).text
    submit(shared, tmp_path, request_id, 2)
    assert extracts(shared, "why", request_id, "--json").json["renewal"] is None, "it waits for a decision already"


def test_an_agreement_whose_end_is_far_prompts_nothing(shared: World, tmp_path: Path) -> None:
    assert extracts(shared, "why", approved(shared, tmp_path), "--json").json["renewal"] is None
