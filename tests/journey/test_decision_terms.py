"""What is signed: its terms are shown first, nobody else's draft takes their place, and nothing is saved too early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extracts import signing
from extracts.cli.options import signed_in
from extracts.errors import NotPermitted
from extracts.local.home import DemoHome
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.world import review_all
from extracts.steps.decided import foremost_decision, waiting_decisions
from tests.support.command_line import extracts
from tests.support.decision_commands import DEFAULTS, decide, made_key, submit
from tests.support.world import World, copied

OTHERS = ("--outcome", "approve", "--reasons", "An engineer would like it so.")


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each decides about a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("terms") / "home") as own:
        yield own


def status(world: World, request_id: str) -> str:
    return str(extracts(world, "request", "show", request_id, "--json").json["status"])


def told(world: World, request_id: str) -> list[tuple[str, str]]:
    return [(e.kind, e.actor) for e in world.ledger() if e.subject == request_id and e.kind.startswith("decision")]


def terms(world: World, request_id: str) -> dict[str, Any]:
    found = foremost_decision(world.work, request_id)
    assert found is not None
    return found.decision.document()


# --- before anything is saved ----------------------------------------------------------------------------------------


def test_who_may_not_sign_leaves_no_trace(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path, 201)
    for key in (made_key(shared, "passer-by"), shared.home.people.key(CONTROLLER)):
        assert decide(shared, request_id, "board", key, *DEFAULTS, "--signer", BOARD).code == 1
    assert status(shared, request_id) == "submitted"
    assert told(shared, request_id) == []
    assert waiting_decisions(shared.work, request_id) == ()


def test_a_printed_draft_moves_nothing_and_names_whoever_is_signed_in(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path, 202)
    printed = extracts(shared, "decide", request_id, "--as", "controller", "--print", *OTHERS, "--signer", CONTROLLER)
    assert printed.code == 0
    assert status(shared, request_id) == "submitted"
    assert told(shared, request_id) == [("decision.drawn-up", signed_in())]


def test_whoever_signs_first_takes_a_request_into_review(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 203), shared.home.people
    assert decide(shared, request_id, "controller", people.key(CONTROLLER)).code == 0
    assert status(shared, request_id) == "in review"
    said = decide(shared, request_id, "board", people.key(BOARD), "--reasons", "")
    assert said.code == 0, said.text
    assert status(shared, request_id) == "approved"
    assert told(shared, request_id) == [
        ("decision.drawn-up", CONTROLLER),
        ("decision.signed", CONTROLLER),
        ("decision.signed", BOARD),
    ]


# --- nobody else's text ----------------------------------------------------------------------------------------------


def test_a_draft_that_anybody_prints_never_takes_the_place_of_what_was_signed(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 204), shared.home.people
    assert decide(shared, request_id, "board", people.key(BOARD)).code == 0
    assert extracts(shared, "decide", request_id, "--as", "controller", "--print", *OTHERS).code == 0
    assert "An engineer" not in extracts(shared, "plan", request_id).text
    said = decide(shared, request_id, "controller", people.key(CONTROLLER), "--reasons", "")
    assert said.code == 0, said.text
    assert DEFAULTS[-1] in said.err, "the terms are shown before they are signed"
    assert terms(shared, request_id)["reasons"] == DEFAULTS[-1]
    assert status(shared, request_id) == "approved"


def test_nobody_signs_a_draft_without_saying_what_they_decide(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 205), shared.home.people
    assert extracts(shared, "decide", request_id, "--as", "board", "--print", *OTHERS).code == 0
    said = decide(shared, request_id, "board", people.key(BOARD), "--reasons", "")
    assert said.code == 2
    assert "--outcome" in said.err
    said = decide(shared, request_id, "board", people.key(BOARD), "--condition", "Only once.")
    assert said.code == 2
    assert "Terms come with --outcome" in said.text
    assert told(shared, request_id) == [("decision.drawn-up", signed_in())]


def test_a_signature_made_elsewhere_finds_its_document_among_later_drafts(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 206), shared.home.people
    mine = extracts(shared, "decide", request_id, "--as", "board", "--print", *DEFAULTS)
    assert extracts(shared, "decide", request_id, "--as", "board", "--print", *OTHERS).code == 0
    file = tmp_path / "board.sig"
    file.write_text(signing.sign(mine.out.encode(), people.key(BOARD), signing.DECISION_BOARD))
    said = extracts(shared, "decide", request_id, "--as", "board", "--signature", file, "--outcome", "approve")
    assert said.code == 2, "the signature says what is decided"
    said = extracts(shared, "decide", request_id, "--as", "board", "--signature", file)
    assert said.code == 0, said.text
    assert terms(shared, request_id)["reasons"] == DEFAULTS[-1]


# --- the same terms, or others ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "first", "second"),
    [
        (207, ("--refuse-column", "benefit_cap.surname"), ("--refuse-column", "forenames")),
        (208, ("--refuse-column", "forenames=Not needed."), ("--refuse-column", "forenames")),
        (209, (), ("--condition", "Only once.")),
        (210, (), ("--review-on", "2027-02-01")),
        (211, ("--valid-until", "2027-01-31"), ()),
    ],
)
def test_other_terms_are_another_document(
    shared: World, tmp_path: Path, number: int, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    request_id, people = submit(shared, tmp_path, number), shared.home.people
    assert decide(shared, request_id, "board", people.key(BOARD), *DEFAULTS, *first).code == 0
    said = decide(shared, request_id, "controller", people.key(CONTROLLER), *DEFAULTS, *second)
    assert said.code == 0, said.text
    assert status(shared, request_id) == "in review"
    assert len(waiting_decisions(shared.work, request_id)) == 2


def test_the_same_terms_are_the_same_document_whoever_types_them(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 212), shared.home.people
    same = (*DEFAULTS, "--refuse-column", "forenames=Not needed.", "--condition", "Only once.")
    assert decide(shared, request_id, "board", people.key(BOARD), *same).code == 0
    assert decide(shared, request_id, "controller", people.key(CONTROLLER), *same).code == 0
    assert status(shared, request_id) == "approved"


def test_every_term_can_be_given_and_is_shown(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 213), shared.home.people
    given = ("--refuse-column", "benefit_cap.forenames=Nobody is called by it.", "--condition", "Only once.")
    dates = ("--valid-from", "2026-12-01", "--review-on", "2027-01-15", "--valid-until", "2027-02-01")
    said = decide(shared, request_id, "board", people.key(BOARD), *DEFAULTS, *given, *dates)
    assert said.code == 0, said.text
    plan = extracts(shared, "plan", request_id)
    for text in ("Nobody is called by it.", "Only once.", "2026-12-01", "2027-01-15", "2027-02-01", BOARD):
        assert text in said.text
        assert text in plan.text

    refused = submit(shared, tmp_path, 214)
    why = ("--outcome", "refuse", "--reasons", "Too much.", "--reason-code", "decided")
    more = ("--clause", "UK GDPR, article 5(1)(c)", "--acceptable", "Without names.", "--route", "memorandum")
    said = decide(shared, refused, "board", people.key(BOARD), *why, *more, "--json")
    assert said.code == 0, said.text
    until = said.json["terms"]["escalate_until"]
    assert said.json["terms"]["escalation"].endswith(f"between the two bodies (until {until}).")
    shown = " ".join(said.err.split())
    for text in ("decided", "article 5(1)(c)", "Without names.", "memorandum of", f"to be asked by {until}"):
        assert text in shown


# --- who submitted ---------------------------------------------------------------------------------------------------


def test_whoever_submits_under_another_name_does_not_decide_on_it(
    shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("extracts.cli.options.signed_in", lambda: "board")
        request_id = submit(shared, tmp_path, 215, as_user="a.clerk", reviewed=False)
    history = extracts(shared, "request", "show", request_id, "--json").json["history"]
    assert "board as a.clerk" in history[0]
    with pytest.raises(NotPermitted, match=f"{BOARD} asked for it, or submitted it"):
        review_all(shared.work, request_id)
    terms = ("--outcome", "return", "--reasons", "Ask for less.")
    said = decide(shared, request_id, "board", shared.home.people.key(BOARD), *terms)
    assert said.code == 1
    assert f"{BOARD} submitted {request_id}" in said.text
