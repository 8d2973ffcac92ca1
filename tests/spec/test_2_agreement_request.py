"""A request is read strictly: what it says is kept, what it cannot mean is told with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extracts.agreement.request import (
    Request,
    parse_request,
    refused_names,
    request_from_document,
    request_schema,
    without_columns,
)
from extracts.catalogue.contract import Identifiability
from extracts.documents import Document, parse, read
from extracts.errors import InvalidDocument, Problem, UsageError
from tests.support.builders import BENEFIT_CAP, EXAMPLES, STATISTICS, a_request, a_request_document, removed

SAMPLES = sorted((EXAMPLES / "requests").glob("*.yaml"))
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "request.schema.json"


def problems_of(changes: dict[str, Any], sample: str = STATISTICS) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        a_request(sample, changes)
    return caught.value.problems


def problem_of(changes: dict[str, Any], sample: str = STATISTICS) -> Problem:
    (problem,) = problems_of(changes, sample)
    return problem


# --- what is kept ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_every_sample_is_a_request_and_can_be_read_back_from_its_document(path: Path) -> None:
    request = parse_request(read(path))
    again = request_from_document(json.loads(json.dumps(request.document())))
    assert again == request
    assert again.digest == request.digest


def test_the_four_samples_are_there() -> None:
    ids = {parse_request(read(p)).request_id for p in SAMPLES}
    assert ids == {"SDDSB-2026-014", "SDDSB-2026-021", "SDDSB-2026-027", "SDDSB-2026-033"}


@pytest.mark.parametrize(
    "text", ['O\'Brien & "Sons"', "'; DROP TABLE dwp.person; --", "<script>alert(1)</script>", "50 %"]
)
def test_quotes_and_sql_in_texts_are_harmless_data(text: str) -> None:
    request = a_request(changes={"title": text, "purpose.text": text, "datasets.0.columns.0.justification": text})
    assert request.title == text
    assert request.purpose.text == text


def test_paragraphs_are_kept_and_spaces_collapsed() -> None:
    request = a_request(changes={"purpose.text": "  One   line\nof text.\n\n\nA second  paragraph. \n"})
    assert request.purpose.text == "One line of text.\n\nA second paragraph."


def test_decomposed_letters_are_the_same_text_as_composed_ones() -> None:
    composed, decomposed = ({"title": t} for t in ("Comhairle nan Eilean, Bòrd", "Comhairle nan Eilean, Bòrd"))
    assert a_request(changes=composed).digest == a_request(changes=decomposed).digest


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("character", "name"),
    [("\x00", "null"), ("\x07", "bell"), ("\x1b", "escape"), ("\u202e", "right to left"), ("\u200b", "zero width")],
)
@pytest.mark.parametrize("field", ["title", "purpose.text", "datasets.0.columns.0.justification"])
def test_an_unseen_character_is_refused_in_every_text(character: str, name: str, field: str) -> None:
    problem = problem_of({field: f"Before{character}after"})
    assert problem.field == field
    assert "invisible" in problem.message


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\u202e", "\u200b"])
def test_an_unseen_character_is_refused_in_a_filter_value(character: str) -> None:
    problem = problem_of({"datasets.0.rows.0.equals": f"S12{character}000047"}, BENEFIT_CAP)
    assert problem.field == "datasets.0.rows.0.equals"
    assert character not in problem.message


def test_a_misspelt_field_is_told_with_its_line_and_the_nearest_names() -> None:
    document = parse(
        (EXAMPLES / "requests" / f"{STATISTICS}.yaml").read_bytes().replace(b"criticality:", b"criticallity:"), "r.yaml"
    )
    with pytest.raises(InvalidDocument) as caught:
        parse_request(document)
    missing, unknown = sorted(caught.value.problems, key=lambda p: p.message)
    assert (missing.field, missing.message) == ("criticality", "is missing")
    assert unknown.field == "criticallity"
    assert "criticality" in unknown.allowed
    assert unknown.line == 7
    assert "r.yaml: " in str(caught.value)


def test_a_misspelt_field_inside_a_group_is_told_with_the_names_of_that_group() -> None:
    problem = problem_of({"datasets.0.columns.0.justifcation": "twice"})
    assert problem.field == "datasets.0.columns.0.justifcation"
    assert problem.allowed == ("justification",)


def test_an_unknown_word_is_told_with_the_allowed_ones() -> None:
    problem = problem_of({"criticality": "urgent"})
    assert problem.allowed == ("entitlement", "operational", "analysis")
    assert "'urgent'" in problem.message


def test_an_unknown_treatment_is_told_with_the_treatments() -> None:
    problem = problem_of({"datasets.0.columns.1.treatment": "hash"})
    assert problem.field == "datasets.0.columns.1.treatment"
    assert "pseudonymise" in problem.allowed
    assert "age_band" in problem.allowed


def test_every_fault_is_told_at_once() -> None:
    found = {p.field for p in problems_of({"title": removed, "version": "one", "limits.k": 4, "surprise": 1})}
    assert found == {"title", "version", "limits.k", "surprise"}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"request_id": "sddsb-2026-027"}, "request_id", "shape"),
        ({"request_id": "SDDSB 2026; rm -rf"}, "request_id", "shape"),
        ({"request_id": "SDDSB-2026-027\n"}, "request_id", "shape"),
        ({"request_id": "../../etc/passwd"}, "request_id", "shape"),
        ({"version": 0}, "version", "greater than or equal to 1"),
        ({"version": "1"}, "version", "without quotes"),
        ({"version": True}, "version", "without quotes"),
        ({"title": 2026}, "title", "quotes"),
        ({"title": "   "}, "title", "empty"),
        ({"title": "x" * 201}, "title", "at most 200"),
        ({"recipient": "Fife Council"}, "recipient", "shape"),
        ({"requester.email": "somebody"}, "requester.email", "shape"),
        ({"received_on": "14 January 2026"}, "received_on", "2026-11-23"),
        ({"received_on": "2026-02-30"}, "received_on", "date"),
        ({"received_on": 20260114}, "received_on", "2026-11-23"),
        ({"schedule.start_on": "9999-12-01"}, "schedule.start_on", "from 1900 to 2199"),
        ({"schedule.start_on": "0001-01-01"}, "schedule.start_on", "from 1900 to 2199"),
        ({"dpia.review_by": "2200-01-01"}, "dpia.review_by", "from 1900 to 2199"),
        ({"territory": ["Scotland"]}, "territory.0", "shape"),
        ({"territory": []}, "territory", "needs at least 1"),
        ({"leaves_uk": "no"}, "leaves_uk", "true or false"),
        ({"privacy_notice_ref": "http://insecure.example"}, "privacy_notice_ref", "shape"),
        ({"privacy_notice_ref": "javascript:alert(1)"}, "privacy_notice_ref", "shape"),
        ({"limits.k": 4}, "limits.k", "greater than or equal to 5"),
        ({"limits.max_rows": 0}, "limits.max_rows", "greater than or equal to 1"),
        ({"processors": None}, "processors", "write []"),
        ({"schedule.cron": "0 6 1 * *"}, "schedule", "either working_day or cron"),
        ({"schedule.working_day": removed}, "schedule", "either working_day or cron"),
        ({"schedule.working_day": 23}, "schedule", "1 to 15"),
        ({"schedule.frequency": "weekly"}, "schedule", "month or a quarter"),
        ({"schedule.end_on": "2025-01-01"}, "schedule", "follow one another"),
        ({"datasets": []}, "datasets", "needs at least 1"),
        ({"datasets.0.columns": []}, "datasets.0.columns", "needs at least 1"),
        ({"datasets.0.columns.1.name": "nino"}, "datasets.0", "asks twice for: nino"),
        ({"datasets.0.columns.0.treatment": 5}, "datasets.0.columns.0.treatment", "one treatment"),
        (
            {"datasets.0.columns.0.treatment": {"year": 1, "month": 1}},
            "datasets.0.columns.0.treatment",
            "one treatment",
        ),
    ],
)
def test_what_a_field_cannot_be_is_told_at_that_field(changes: dict[str, Any], field: str, message: str) -> None:
    problem = problem_of(changes)
    assert problem.field == field
    assert message in problem.message


def test_aggregated_is_refused_clearly() -> None:
    problem = problem_of({"identifiability": "aggregated"})
    assert "not offered yet" in problem.message
    assert problem.allowed == ("identified", "pseudonymised")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"title: NO", "ambiguous"),
        (b"title: 012", "ambiguous"),
        (b"title: 12:30", "ambiguous"),
        (b"version: 1\nversion: 1", "twice"),
        (b"title: [1", "expected"),
        (b"title: !!python/object x", "tags"),
        (b"title: !!python/object 'x'", "tags"),
        (b"title: !!str 5", "tags"),
        (b"title: !!set [x]", "tags"),
        (b"title: &a x", "anchors"),
    ],
)
def test_malformed_or_ambiguous_yaml_is_refused_with_its_line(line: bytes, found: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_request(parse(b"request_id: SDDSB-2026-027\n" + line + b"\n", "r.yaml"))
    problem = caught.value.problems[0]
    assert found in problem.message
    assert problem.line is not None
    assert problem.line >= 2


def test_a_document_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="nested too deeply"):
        parse(b"a: " + b"[" * 500 + b"]" * 500, "r.yaml")
    with pytest.raises(InvalidDocument, match="more than 2000 brackets"):
        parse(b"a: " + b"[" * 100_000, "r.yaml")


def test_a_date_or_a_country_code_in_quotes_is_text_and_nothing_else() -> None:
    document = parse(b"a: '012'\nb: 'NO'\nc: 2026-01-01\nd: 12.50\n", "r.yaml")
    assert document.value == {"a": "012", "b": "NO", "c": "2026-01-01", "d": "12.50"}


def test_a_fault_in_a_filter_value_never_repeats_the_value() -> None:
    with pytest.raises(InvalidDocument) as caught:
        a_request(BENEFIT_CAP, {"datasets.0.rows.0.equals": ["QQ123456C"], "requester.email": "QQ123456C"})
    assert "QQ123456C" not in str(caught.value)


# --- conditions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "stated"),
    [
        ({"equals": 5}, ("equals", ("5",), False)),
        ({"equals": True}, ("equals", ("true",), False)),
        ({"in": ["a", "b"]}, ("in", ("a", "b"), False)),
        ({"between": [1, 2]}, ("between", ("1", "2"), False)),
        ({"before": "2026-01-01"}, ("before", ("2026-01-01",), False)),
        ({"after": 0}, ("after", ("0",), False)),
        ({"is_null": True}, ("is_null", (), False)),
        ({"not": {"is_null": True}}, ("is_null", (), True)),
        ({"not": {"in": ["a"]}}, ("in", ("a",), True)),
    ],
)
def test_a_condition_is_one_comparison_or_not_one(condition: dict[str, Any], stated: object) -> None:
    request = a_request(changes={"datasets.0.rows": [{"column": "award_type", **condition}]})
    operator, values, negated = request.datasets[0].rows[0].comparison()
    assert (operator.value, values, negated) == stated


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"equals": "a", "in": ["b"]},
        {"equals": "a", "not": {"equals": "b"}},
        {"is_null": False},
        {"equals": None},
        {"equals": ""},
        {"equals": {"sql": "1=1"}},
        {"in": []},
        {"in": "a"},
        {"between": [1]},
        {"between": [1, 2, 3]},
        {"not": {}},
        {"not": {"not": {"equals": "a"}}},
        {"sql": "1=1"},
        {"equals": "x" * 201},
    ],
)
def test_what_is_no_condition_is_refused(condition: dict[str, Any]) -> None:
    rows = [{"column": "award_type", **condition}]
    assert all(p.field.startswith("datasets.0.rows.0") for p in problems_of({"datasets.0.rows": rows}))


def test_a_condition_cannot_name_a_column_by_sql() -> None:
    rows = [{"column": "nino = nino or true --", "equals": "x"}]
    assert problem_of({"datasets.0.rows": rows}).field == "datasets.0.rows.0.column"


# --- digests --------------------------------------------------------------------------------------------------------


def _as_yaml(value: Any, order: Any, quote: Any, indent: int = 0) -> str:
    pad = "  " * indent
    if isinstance(value, dict):
        keys = order(sorted(value))
        return (
            "".join(f"\n{pad}{key}:{_as_yaml(value[key], order, quote, indent + 1)}" for key in keys) + "\n"
            if keys
            else " {}"
        )
    if isinstance(value, list):
        return "".join(f"\n{pad}- # a comment\n{pad} {_item(v, order, quote, indent + 1)}" for v in value) or " []"
    return " " + (quote(value) if isinstance(value, str) else json.dumps(value))


def _item(value: Any, order: Any, quote: Any, indent: int) -> str:
    return (
        _as_yaml(value, order, quote, indent).lstrip(" ")
        if not isinstance(value, dict | list)
        else _as_yaml(value, order, quote, indent)
    )


@settings(max_examples=25, deadline=None)
@given(random=st.randoms(use_true_random=False), sample=st.sampled_from([STATISTICS, BENEFIT_CAP]))
def test_order_of_keys_comments_and_quoting_leave_the_digest_as_it_was(random: Any, sample: str) -> None:
    original = a_request_document(sample)

    def shuffled(keys: list[str]) -> list[str]:
        return random.sample(keys, len(keys))

    def quoted(text: str) -> str:
        single = "'" + text.replace("'", "''") + "'"
        return random.choice([single, json.dumps(text, ensure_ascii=False)])

    written = "# yaml\n" + _as_yaml(original.value, shuffled, quoted).lstrip("\n")
    again = parse_request(parse(written.encode(), "again.yaml"))
    assert again.digest == parse_request(original).digest


def test_an_unquoted_number_in_a_filter_is_the_same_value_as_a_quoted_one() -> None:
    plain, quoted = ({"datasets.0.rows.1.after": v} for v in (0, "0"))
    assert a_request(BENEFIT_CAP, plain).digest == a_request(BENEFIT_CAP, quoted).digest


def test_a_field_left_out_is_the_same_as_its_default_written() -> None:
    assert a_request(changes={"limits.min_rows": 1}).digest == a_request(changes={"limits.min_rows": removed}).digest


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"recipient": "fife-council"},
        {"purpose.text": "Something else is done with it."},
        {"datasets.0.columns.1.treatment": "year"},
        {"datasets.0.columns.1.treatment": {"age_band": 5}},
        {"datasets.0.columns.2.justification": "Another reason than before."},
        {"retention.days": 731},
    ],
)
def test_a_change_of_meaning_changes_the_digest(changes: dict[str, Any]) -> None:
    assert a_request(changes=changes).digest != a_request().digest


# --- smaller requests -----------------------------------------------------------------------------------------------


def test_refusing_a_column_leaves_a_smaller_request_and_the_whole_as_it_was() -> None:
    whole = a_request()
    smaller = without_columns(whole, refused_names(whole, ["sex", "pension_credit_award.award_type"]))
    left = {column for _, column in smaller.asked_columns()}
    assert left == {c for _, c in whole.asked_columns()} - {"sex", "award_type"}
    assert smaller.digest != whole.digest
    assert without_columns(whole, refused_names(whole, [])) is whole


def test_refusing_what_was_not_asked_for_says_what_was() -> None:
    with pytest.raises(UsageError, match=r"'postcode'.*pension_credit_award\.nino"):
        refused_names(a_request(), ["postcode"])


def test_refusing_every_column_is_refusing_the_request() -> None:
    whole = a_request()
    names = [column for _, column in whole.asked_columns()]
    with pytest.raises(UsageError, match="as a whole"):
        without_columns(whole, refused_names(whole, names))


# --- the published schema -------------------------------------------------------------------------------------------


def test_the_published_schema_is_the_one_that_requests_are_read_by() -> None:
    assert json.loads(SCHEMA.read_text()) == request_schema(), "run `make docs`, or write it from request_schema()"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_every_sample_names_the_schema_and_passes_it(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == SCHEMA
    jsonschema.Draft202012Validator(request_schema()).validate(read(path).value)


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"title": removed},
        {"criticality": "urgent"},
        {"identifiability": "aggregated"},
        {"datasets.0.columns.0.treatment": "hash"},
        {"datasets.0.columns.1.treatment": {"hash": 1}},
        {"datasets.0.rows": [{"column": "sex", "like": "F%"}]},
        {"request_id": "x"},
        {"datasets.0.rows": [{"column": "sex", "equals": "F", "not": {"is_null": True}}]},
        {"datasets.0.rows": [{"column": "sex", "equals": "F", "in": ["M"]}]},
        {"datasets.0.rows": [{"column": "sex"}]},
        {"datasets.0.rows": [{"column": "sex", "not": {}}]},
        {"datasets.0.rows": [{"column": "sex", "not": {"before": 1, "after": 1}}]},
        {"schedule.cron": "0 6 1 1,4,7,10 *"},
        {"schedule.working_day": removed},
        {"schedule.working_day": None},
        {"schedule.working_day": 23},
        {"schedule.frequency": "weekly"},
        {"schedule.start_on": "9999-12-01"},
        {"datasets.0.columns.0.filled_percent": 101},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(changes: dict[str, Any]) -> None:
    document = a_request_document(changes=changes)
    assert not jsonschema.Draft202012Validator(request_schema()).is_valid(document.value)
    with pytest.raises(InvalidDocument):
        parse_request(document)


@pytest.mark.parametrize(
    "changes",
    [
        {"datasets.0.rows": [{"column": "sex", "equals": "F"}, {"column": "sex", "not": {"is_null": True}}]},
        {"datasets.0.rows": [{"column": "weekly_award", "between": [0, 50]}]},
        {"schedule.working_day": removed, "schedule.cron": "0 6 1 1,4,7,10 *"},
        {"schedule.working_day": None, "schedule.cron": "0 6 1 1,4,7,10 *"},
    ],
)
def test_the_schema_accepts_what_the_reader_accepts(changes: dict[str, Any]) -> None:
    document = a_request_document(changes=changes)
    jsonschema.Draft202012Validator(request_schema()).validate(document.value)
    parse_request(document)


def test_editors_are_told_what_each_field_means() -> None:
    schema = request_schema()
    groups = {"Request": schema, **schema["$defs"]}
    silent = [(g, f) for g, found in groups.items() for f, p in found.get("properties", {}).items() if not says(p)]
    assert silent == []
    assert "SDDSB-2026-014" in schema["properties"]["request_id"]["description"]


def says(field: dict[str, Any]) -> bool:
    return len(field.get("description", "")) > 3


def test_a_request_is_a_value_that_nobody_can_change() -> None:
    request = a_request()
    with pytest.raises(ValueError, match="frozen"):
        request.title = "Another"  # type: ignore[misc]
    assert request.identifiability is Identifiability.PSEUDONYMISED
    assert isinstance(request, Request)


def test_an_empty_document_is_told_every_missing_field() -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_request(Document("empty.yaml", {}))
    assert {p.message for p in caught.value.problems} == {"is missing"}
    assert len(caught.value.problems) > 25
