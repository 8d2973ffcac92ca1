"""Requests that cannot be read, judged or kept as they are: what the person who sent them is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts.local.home import DemoHome
from extracts.settings import PROJECT
from tests.support.command_line import Said, extracts
from tests.support.world import ANALYSTS, FIFE, World, copied

REQUESTS = PROJECT / "examples" / "requests"
SAMPLE = (REQUESTS / "fife-benefit-cap.yaml").read_text()
NEW = "SDDSB-2026-091"


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: what they send is refused, so nothing changes in it."""
    with copied(template_world, tmp_path_factory.mktemp("requests") / "home") as own:
        yield own


def edited(folder: Path, *changes: tuple[str, str], request_id: str = NEW) -> Path:
    """The sample request of Fife Council under another id, with some text replaced."""
    text = SAMPLE.replace(FIFE, request_id)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    file = folder / "request.yaml"
    file.write_text(text)
    return file


def check(world: World, folder: Path, *changes: tuple[str, str]) -> Said:
    return extracts(world, "request", "check", edited(folder, *changes))


def test_the_request_that_is_edited_below_is_a_good_one(shared: World, tmp_path: Path) -> None:
    said = check(shared, tmp_path)
    assert said.code == 0, said.text
    assert "Next dates:" in said.out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("version: 1\n", "version: 1\nversion: 2\n"), ["line 5", "version", "the same field twice"]),
        (("equals: S12000047", "equals: NO"), ["line", "datasets.0.rows.0.equals", "'NO' is ambiguous", "in quotes"]),
        (("equals: S12000047", "equals: 012"), ["datasets.0.rows.0.equals", "'012' is ambiguous"]),
        (("equals: S12000047", "equals: 12:30"), ["datasets.0.rows.0.equals", "ambiguous"]),
        (("title: ", "title: [unclosed "), ["syntax", "line"]),
        (("title: ", "title: !!python/object:os.system "), ["title", "tags are not allowed"]),
        (("version: 1\n", "version: &one 1\n"), ["line 4", "version", "anchors and aliases"]),
    ],
)
def test_malformed_or_ambiguous_yaml_is_told_with_file_line_and_field(
    shared: World, tmp_path: Path, change: tuple[str, str], told: list[str]
) -> None:
    said = check(shared, tmp_path, change)
    assert said.code == 2
    assert "request.yaml" in said.err
    for part in told:
        assert part in said.text, said.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("criticality:", "criticallity:"), ["line", "criticallity", "criticality"]),
        (("    rows:\n", "    where: 1=1\n    rows:\n"), ["line", "datasets.0.where", "rows"]),
        (("identifiability: identified", "identifiability: anonymous"), ["identifiability", "pseudonymised"]),
        (("treatment: {round: 10}", "treatment: {hash: 10}"), ["treatment", "hash", "pseudonymise", "round"]),
        (("identifiability: identified", "identifiability: aggregated"), ["identifiability", "aggregated"]),
    ],
)
def test_unknown_fields_and_words_are_told_with_what_is_allowed(
    shared: World, tmp_path: Path, change: tuple[str, str], told: list[str]
) -> None:
    said = check(shared, tmp_path, change)
    assert said.code == 2
    for part in told:
        assert part in said.text, said.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("dataset: benefit_cap", "dataset: bank_accounts"), "bank_accounts"),
        (("name: surname", "name: shoe_size"), "shoe_size"),
        (("- column: council_code", "- column: shoe_size"), "shoe_size"),
        (("recipient: fife-council", "recipient: acme-brokers"), "acme-brokers"),
        (("gateway: welfare-reform-act-2012-s131", "gateway: gentlemens-agreement"), "gentlemens-agreement"),
    ],
)
def test_what_is_not_declared_is_refused_by_name(
    shared: World, tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    said = check(shared, tmp_path, change)
    assert said.code in (1, 2)
    assert told in said.text, said.text
    assert "Next dates:" not in said.out


HOSTILE = "S12000047' OR '1'='1'; DROP TABLE dwp.person; --"


def test_sql_in_a_filter_value_is_a_value_that_the_column_cannot_have(shared: World, tmp_path: Path) -> None:
    said = check(shared, tmp_path, ("equals: S12000047", f'equals: "{HOSTILE}"'))
    assert said.code in (1, 2)
    assert "council_code" in said.text
    assert "Next dates:" not in said.out


def test_sql_and_quotes_in_texts_are_text_to_the_end(shared: World, tmp_path: Path) -> None:
    hostile = "Robert'); DROP TABLE dwp.person; -- \\\"<script>alert(1)</script>[bold]{{ macros }}"
    file = edited(tmp_path, ("title: ", f"title: '{hostile.replace(chr(39), chr(39) * 2)}' #"))
    said = extracts(shared, "request", "submit", file)
    assert said.code == 0, said.text
    shown = extracts(shared, "request", "show", NEW, "--json")
    assert shown.json["title"] == hostile
    assert "[bold]" in extracts(shared, "request", "list").out


@pytest.mark.parametrize("escape", ["\\x1b[2J", "\\0", "\\u202e", "\\x85", "\\u2028"])
@pytest.mark.parametrize("field", ["title: ", "equals: "])
def test_control_characters_are_refused_wherever_they_stand(
    shared: World, tmp_path: Path, escape: str, field: str
) -> None:
    said = check(shared, tmp_path, (field, f'{field}"a{escape}b" #'))
    assert said.code == 2
    assert "control character" in said.text
    assert "\x1b" not in said.out + said.err


def test_a_request_that_was_submitted_is_not_edited_but_gets_a_new_version(shared: World, tmp_path: Path) -> None:
    request_id = "SDDSB-2026-092"
    assert extracts(shared, "request", "submit", edited(tmp_path, request_id=request_id)).code == 0
    assert extracts(shared, "request", "submit", edited(tmp_path, request_id=request_id)).code == 0, "the same again"
    change = ("{round: 10}", "{round: 100}")
    said = extracts(shared, "request", "submit", edited(tmp_path, change, request_id=request_id))
    assert said.code == 1
    assert f"{request_id} version 1 was submitted with other content" in said.text
    assert "higher version" in said.text
    newer = edited(tmp_path, change, ("version: 1\n", "version: 2\n"), request_id=request_id)
    assert extracts(shared, "request", "submit", newer).code == 0
    submitted = [e for e in shared.ledger("request.submitted") if e.subject == request_id]
    assert [e.payload["version"] for e in submitted] == [1, 2]


def test_a_request_edited_in_the_register_is_found_and_never_runs(world: World) -> None:
    with world.home.postgres.superuser(world.register) as connection:
        changed = connection.execute(
            "UPDATE register.request SET document = replace(document, 'S12000047', 'S12000049') WHERE request_id = %s",
            [FIFE],
        )
        assert changed.rowcount == 1
    found = world.run(FIFE)
    assert found["outcome"] == "stopped by a control"
    assert FIFE in found["reason"]
    assert not world.deliveries()
    said = extracts(world, "plan", FIFE)
    assert said.code == 1
    assert FIFE in said.text


def test_a_request_file_edited_after_the_decision_changes_nothing_that_runs(world: World, tmp_path: Path) -> None:
    before = extracts(world, "why", ANALYSTS, "--json").json
    file = tmp_path / "request.yaml"
    text = (REQUESTS / "pension-credit-statistics.yaml").read_text()
    file.write_text(text.replace("treatment: {age_band: 10}", "treatment: {age_band: 5}"))
    said = extracts(world, "request", "submit", file)
    assert said.code == 1
    assert "other content" in said.text
    assert extracts(world, "why", ANALYSTS, "--json").json == before


def test_a_file_that_is_not_there_is_no_crash(shared: World, tmp_path: Path) -> None:
    said = extracts(shared, "request", "check", tmp_path / "nowhere.yaml")
    assert said.code == 2
    assert "nowhere.yaml" in said.text
    assert "Traceback" not in said.text
