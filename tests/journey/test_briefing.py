"""From asking whether it is feasible, over briefing and counter-offer, to an agreement on less: at the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from extracts.documents import read
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.world import review_all
from extracts.record import register
from extracts.record.transaction import reading
from extracts.settings import PROJECT
from tests.support.command_line import extracts
from tests.support.world import ANALYSTS, FIFE, REFUSED, World

ASKED = "SDDSB-2026-101"
REQUESTER = "eilidh"
VALUE = re.compile(r"QQ ?\d\d|\b[A-Z]{1,2}\d{1,2} \d[A-Z]{2}\b")


def a_file(folder: Path) -> Path:
    """The statistics again, with bank details, months instead of quarters, and no small group allowed."""
    request = read(PROJECT / "examples/requests/pension-credit-statistics.yaml").value
    request["request_id"] = ASKED
    request["limits"] |= {"small_cells": "stop", "max_withheld_percent": 0}
    columns = request["datasets"][0]["columns"]
    columns[-1]["treatment"] = "keep"
    columns.append({"name": "sort_code", "treatment": "keep", "justification": "To group accounts by their bank."})
    file = folder / "asked.yaml"
    file.write_text(json.dumps(request))  # which is YAML too
    return file


@pytest.fixture
def asked(world: World, tmp_path: Path) -> World:
    said = extracts(world, "request", "submit", a_file(tmp_path), "--as-user", REQUESTER)
    assert said.code == 0, said.text
    return world


def test_a_requester_learns_before_asking_what_can_be_had(world: World, tmp_path: Path) -> None:
    said = extracts(world, "request", "check", a_file(tmp_path), "--feasibility", "--as-user", REQUESTER, "--json")
    assert said.code == 1  # something of it cannot be had
    answers = {c["answer"]["column"].partition(".")[2]: c["answer"] for c in said.json["columns"]}
    assert answers["sort_code"]["answer"] == "held, not shareable"
    assert answers["started_on"]["answer"] == "held, not in that form"
    assert "month" in answers["started_on"]["what_to_do"]
    assert answers["sex"]["answer"] == "held"
    expected = said.json["expected"]["pension_credit_award"]["rows"]["value"]
    assert expected > 1000
    assert expected % 5 == 0
    assert said.json["groups_may_leave"] == {"pension_credit_award": False}
    assert not VALUE.search(said.out)
    (event,) = world.ledger("feasibility.answered")
    assert event.subject == ASKED
    assert event.payload["answer_digest"] == said.json["digest"]
    assert REQUESTER in event.actor
    people = extracts(world, "request", "check", a_file(tmp_path), "--feasibility").text
    assert "held, not shareable" in people
    assert extracts(world, "request", "show", ASKED).code == 2  # nothing was submitted


def test_the_board_reads_a_briefing_that_is_kept_and_told_to_the_ledger(asked: World) -> None:
    said = extracts(asked, "request", "briefing", ASKED, "--json")
    assert said.code == 0, said.text
    (found,) = said.json["datasets"]
    assert found["age_hours"] is not None
    assert found["fates"]["expected"]["rows"]["value"] > 1000
    assert found["groups"][0]["change"] == ""
    assert not found["groups"][0]["may_leave"]
    assert [h["request_id"] for h in said.json["held_already"]] == [ANALYSTS]
    assert said.json["adds"] == [
        "pension_credit_award.started_on: keep",
        "pension_credit_award.sort_code: keep",
    ]
    similar = {s["request_id"]: s for s in said.json["similar"]}
    assert similar[REFUSED]["outcome"] == "refuse"
    assert similar[REFUSED]["reason_code"] == "policy"
    assert similar[ANALYSTS]["outcome"] == "approve"
    assert FIFE not in similar
    assert {"N3", "N5"} <= {f["rule"] for f in said.json["findings"]}
    assert not VALUE.search(said.out)
    (event,) = asked.ledger("briefing.written")
    assert event.payload["briefing_digest"] == said.json["digest"]

    again = extracts(asked, "request", "briefing", ASKED)
    assert said.json["digest"] in again.text  # the same one, not another count
    assert "People who look alike" in again.text
    assert len(asked.ledger("briefing.written")) == 1
    assert extracts(asked, "request", "briefing", ASKED, "--afresh").code == 0
    assert len(asked.ledger("briefing.written")) == 2


def test_less_is_offered_accepted_by_the_requester_and_signed(asked: World) -> None:
    said = extracts(asked, "request", "counter-offer", ASKED, "--as-user", "board", "--json")
    assert said.code == 0, said.text
    offer = said.json
    changes = {c["subject"].partition(".")[2]: (c["asked"], c["offered"]) for c in offer["changes"]}
    assert changes["sort_code"] == ("keep", "left out")
    assert changes["started_on"] == ("keep", "month")
    assert offer["groups_counted"]
    assert set(changes) - {"sort_code", "started_on"} <= {"date_of_birth", "sex", "council_code"}

    for somebody in ("callum", "board"):
        refused = extracts(asked, "request", "accept", ASKED, "--as-user", somebody)
        assert refused.code == 1
        assert "nobody but its requester" in refused.text
    accepted = extracts(asked, "request", "accept", ASKED, "--as-user", REQUESTER, "--json")
    assert accepted.code == 0, accepted.text
    assert accepted.json["version"] == 2
    assert accepted.json["plan_digest"] == offer["plan_digest"]
    shown = extracts(asked, "request", "show", ASKED, "--json").json
    assert shown["digest"] == offer["offered_digest"]
    assert any("withdrawn" in line and offer["digest"] in line for line in shown["history"])
    clock = extracts(asked, "request", "show", ASKED, "--json").json["clock"]
    assert (clock["pace"], len(clock["stages"])) == ("runs", 2)
    with reading(asked.work.register) as view:
        taken_back, submitted = register.status_history(view, ASKED)[-2:]
    assert taken_back.at == submitted.at, "one moment, so that the clock goes on"
    (event,) = asked.ledger("counter-offer.accepted")
    assert event.payload == {"from_version": 1, "version": 2, "offer_digest": offer["digest"]}
    assert extracts(asked, "request", "accept", ASKED, "--as-user", REQUESTER).code == 2  # it was about version 1

    review_all(asked.work, ASKED)
    for role, signer in (("board", BOARD), ("controller", CONTROLLER)):
        key = asked.home.people.key(signer)
        arguments = ("--as", role, "--signer", signer, "--key", key, "--outcome", "approve", "--reasons", "As offered.")
        signed = extracts(asked, "decide", ASKED, *arguments, "--json")
        assert signed.code == 0, signed.text
    assert signed.json["status"] == "approved"
    assert signed.json["plan"] == offer["plan_digest"]


@pytest.mark.parametrize("command", ["counter-offer", "accept"])
def test_nothing_is_offered_on_what_is_decided(world: World, command: str) -> None:
    said = extracts(world, "request", command, ANALYSTS, "--as-user", REQUESTER)
    assert said.code == 1
    assert "approved" in said.text


def test_where_asking_for_less_does_not_help_it_says_what_stands_in_the_way(world: World, tmp_path: Path) -> None:
    file = tmp_path / "asked.yaml"
    file.write_text(
        (PROJECT / "examples/requests/refused-bank-details.yaml").read_text().replace("version: 1", "version: 2")
    )
    assert extracts(world, "request", "submit", file, "--as-user", REQUESTER).code == 0
    said = extracts(world, "request", "counter-offer", REFUSED)
    assert said.code == 1
    assert "the DPIA is in progress" in said.text
    assert "bank details" not in said.text  # that could be mended


def test_a_briefing_cannot_be_edited_unseen(asked: World) -> None:
    assert extracts(asked, "request", "briefing", ASKED).code == 0
    with asked.home.postgres.superuser(asked.register) as connection:
        connection.execute("UPDATE register.board_paper SET document = replace(document, 'sex', 'hat')")
    said = extracts(asked, "request", "briefing", ASKED)
    assert said.code == 1
    assert "was changed after it was saved" in said.text


def test_the_script_for_briefings_is_printed_for_a_dba_and_makes_only_counting_views(world: World) -> None:
    said = extracts(world, "source", "sql", "--briefing")
    assert said.code == 0
    assert "GRANT SELECT ON extract_views.briefing__pension_credit_award TO extract_briefing" in said.out
    assert "PASSWORD" not in said.out
    assert "account_number" not in said.out
    assert extracts(world, "source", "sql").code == 2
    assert json.loads(extracts(world, "request", "list", "--json").out)


def test_a_source_that_lets_nobody_count_is_told_with_what_to_do(world: World, tmp_path: Path) -> None:
    kept = world.home.passfile.read_text()
    try:
        world.home.passfile.write_text(
            "".join(line for line in kept.splitlines(True) if "extract_briefing" not in line)
        )
        said = extracts(world, "request", "check", a_file(tmp_path), "--feasibility")
    finally:
        world.home.passfile.write_text(kept)
    assert said.code == 1
    assert "passfile" in said.text
