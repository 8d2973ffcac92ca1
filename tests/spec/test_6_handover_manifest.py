"""Stage 6, handing over: the manifest, one signed document with everything that is true of a delivery."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.canonical import digest_bytes
from extracts.errors import InvalidDocument
from extracts.handover.facts import CheckFacts, Previous
from extracts.handover.manifest import AFTER_THE_MANIFEST, MANIFEST, Manifest, build_manifest, read_manifest
from extracts.handover.reference import manifest_reference
from extracts.handover.statement import Statement, read_json, read_statement, readable_json
from tests.support.deliveries import MadeDelivery, a_delivery, revised, with_agreement, with_delivery
from tests.support.keys import Keys


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("manifest"), keys)


@pytest.fixture(scope="module")
def text(delivery: MadeDelivery) -> bytes:
    return (delivery.folder / MANIFEST).read_bytes()


def test_it_is_an_in_toto_statement_over_every_file_that_comes_before_it(delivery: MadeDelivery, text: bytes) -> None:
    statement = json.loads(text)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://governed-extracts.example/manifest/1"
    named = {s["name"]: "sha256:" + s["digest"]["sha256"] for s in statement["subject"]}
    there = {p.name: digest_bytes(p.read_bytes()) for p in delivery.folder.iterdir()}
    assert named == {n: d for n, d in there.items() if n not in AFTER_THE_MANIFEST}


def test_it_says_what_was_delivered_under_which_decision_to_whom_and_from_where(text: bytes) -> None:
    said = json.loads(text)["predicate"]
    assert said["delivery"]["id"] == "SDDSB-2026-027.2026-11.r1"
    assert said["delivery"]["data_as_at"] == "2026-11-23T09:00:00Z"
    agreement = said["agreement"]
    for field in ("request_digest", "assessment_digest", "decision_digest", "plan_digest"):
        assert agreement[field].startswith("sha256:")
    assert agreement["gateway"] == "scotland-act-2016-s34"
    assert agreement["lawful_basis"]["article_6"] == "6(1)(e)"
    assert agreement["recipient"]["id"] == "scottish-government-analysts"
    assert agreement["controllers"][0]["role"] == "independent controller"
    [file] = said["files"]
    assert file["clear_sha256"] != file["sha256"]
    assert (file["rows"], file["columns"][0]) == (
        20,
        {
            "name": "nino_pseudonym",
            "type": "string",
            "source": "nino",
            "treatment": "pseudonymise@1",
            "parameters": [],
            "classification": "personal",
        },
    )
    [source] = said["sources"]
    assert (source["relation"], source["enforced_by"]) == ("curated.pension_credit_award", "role")
    assert {"snapshot", "system_identifier", "log_position", "loaded_at", "age_minutes"} <= source.keys()
    assert said["reports"][0]["checks"][0]["passed"] is True
    assert said["ledger"]["sequence"] == 41
    assert {"commit", "lock_digest", "dag", "run", "try_number"} <= said["made_by"].keys()
    assert {"retention_days", "destroy_by", "classification"} <= said["handling"].keys()
    assert said["disclosure"][0]["k"] == 10


def test_every_source_row_is_accounted_for(text: bytes) -> None:
    [funnel] = json.loads(text)["predicate"]["reconciliation"]
    parts = funnel["filtered"] + funnel["held"] + funnel["withheld"] + funnel["delivered"]
    assert funnel["source"] == parts == 26


def test_the_same_facts_are_always_the_same_bytes(delivery: MadeDelivery, text: bytes) -> None:
    manifest, subjects = read_manifest(text)
    assert manifest == delivery.assembled.manifest
    assert build_manifest(manifest, dict(reversed(subjects.items()))) == text


def test_people_can_read_it(text: bytes) -> None:
    lines = text.decode().splitlines()
    assert len(lines) > 150
    assert any(line.strip() == '"rows": 20,' for line in lines)


CONTRADICTIONS: dict[str, Callable[[Manifest], Manifest]] = {
    "an id that is not of this agreement": lambda m: with_delivery(m, id="SDDSB-2026-999.2026-11.r1"),
    "a correction that names nothing": lambda m: with_delivery(m, revision=2, id="SDDSB-2026-027.2026-11.r2"),
    "a correction of another period": lambda m: with_delivery(revised(m), supersedes="SDDSB-2026-027.2026-10.r1"),
    "a correction of itself": lambda m: with_delivery(revised(m), supersedes="SDDSB-2026-027.2026-11.r2"),
    "a correction without a reason": lambda m: revised(m, reason=""),
    "a first delivery that replaces one": lambda m: with_delivery(m, supersedes="SDDSB-2026-027.2026-11.r0"),
    "a period that ends before it begins": lambda m: with_delivery(
        m, period_last=m.delivery.period_first.replace(year=2025)
    ),
    "data newer than the extract": lambda m: with_delivery(m, data_as_at=m.delivery.made_at + timedelta(hours=1)),
    "a time without a zone": lambda m: with_delivery(m, data_as_at=m.delivery.data_as_at.replace(tzinfo=None)),
    "a decision that has ended": lambda m: with_agreement(m, valid_until=m.delivery.made_at.date() - timedelta(days=1)),
    "a decision that has not begun": lambda m: with_agreement(
        m, valid_from=m.delivery.made_at.date() + timedelta(days=1)
    ),
    "another plan than the delivered one": lambda m: with_agreement(m, plan_digest="sha256:" + "0" * 64),
    "another decision than the delivered one": lambda m: with_agreement(m, decision_digest="sha256:" + "0" * 64),
    "rows that do not add up": lambda m: replace(m, reconciliation=(replace(m.reconciliation[0], held=99),)),
    "a negative count": lambda m: replace(m, reconciliation=(replace(m.reconciliation[0], held=-1, filtered=6),)),
    "fewer rows than the file has": lambda m: replace(m, files=(replace(m.files[0], rows=19),)),
    "a column twice": lambda m: replace(m, files=(replace(m.files[0], columns=m.files[0].columns * 2),)),
    "no column": lambda m: replace(m, files=(replace(m.files[0], columns=()),)),
    "a file under another name": lambda m: replace(m, files=(replace(m.files[0], name="x.parquet.age"),)),
    "another digest of a file": lambda m: replace(m, files=(replace(m.files[0], sha256="sha256:" + "0" * 64),)),
    "no file": lambda m: replace(m, files=()),
    "no source": lambda m: replace(m, sources=()),
    "a check that failed": lambda m: replace(
        m, reports=(*m.reports, replace(m.reports[0], checks=(CheckFacts("x", "y", False),)))
    ),
    "a check that passed without being made": lambda m: replace(
        m, reports=(replace(m.reports[0], checks=(*m.reports[0].checks, CheckFacts("x", "y", True, "", "why not"))),)
    ),
    "a report of which nothing applied": lambda m: replace(
        m, reports=(replace(m.reports[0], checks=(CheckFacts("x", "y", False, "", "why not"),)),)
    ),
    "a report without checks": lambda m: replace(m, reports=(replace(m.reports[0], checks=()),)),
    "no report": lambda m: replace(m, reports=()),
    "itself as the delivery before it": lambda m: replace(m, previous=Previous(m.delivery.id, "sha256:" + "0" * 64)),
}


@pytest.mark.parametrize("change", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_manifest_that_contradicts_itself_is_not_made(text: bytes, change: Callable[[Manifest], Manifest]) -> None:
    manifest, subjects = read_manifest(text)
    assert build_manifest(manifest, subjects)
    with pytest.raises(InvalidDocument):
        build_manifest(change(manifest), subjects)


def test_clocks_of_different_machines_may_differ_a_little(text: bytes) -> None:
    manifest, subjects = read_manifest(text)
    ahead = with_delivery(manifest, data_as_at=manifest.delivery.extracted_at + timedelta(minutes=4))
    assert build_manifest(ahead, subjects)


def test_a_manifest_names_exactly_the_files_of_its_delivery(text: bytes) -> None:
    manifest, subjects = read_manifest(text)
    with pytest.raises(InvalidDocument, match=r"notes\.txt"):
        build_manifest(manifest, subjects | {"notes.txt": "sha256:" + "0" * 64})
    with pytest.raises(InvalidDocument, match=r"README\.txt"):
        build_manifest(manifest, {n: d for n, d in subjects.items() if n != "README.txt"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"revision": 1', b'"revision": "1"'),
        (b'"revision": 1', b'"revision": 1.0'),
        (b'"revision": 1', b'"revision": true'),
        (b'"revision": 1', b'"revision":  1'),
        (b'"revision": 1', b'"revision": 1,\n      "revision": 1'),
        (b'"revision": 1', b'"revision": 1,\n      "secretly": 1'),
        (b'"_type": "https://in-toto.io/Statement/v1"', b'"_type": "https://in-toto.io/Statement/v0"'),
        (b"manifest/1", b"manifest/2"),
        (b"2026-11-23T09:00:00Z", b"2026-11-23T09:00:00+00:00"),
        (b'"held": 2', b'"held": null'),
        (b"\n}\n", b"\n}"),
        (b"\n}\n", b"\n}\n\n"),
        (b"{\n", b"\xff{\n"),
        (b"{\n", b"[{\n"),
    ],
)
def test_a_manifest_in_any_other_form_is_not_believed(text: bytes, before: bytes, after: bytes) -> None:
    changed = text.replace(before, after, 1)
    assert changed != text
    with pytest.raises(InvalidDocument):
        read_manifest(changed)


def test_a_wrong_value_is_named_by_its_field_and_not_repeated(text: bytes) -> None:
    statement = json.loads(text)
    statement["predicate"]["delivery"]["revision"] = "QQ123456C"
    with pytest.raises(InvalidDocument, match=r"delivery\.revision") as caught:
        read_manifest(readable_json(statement))
    assert "QQ123456C" not in str(caught.value)


def test_a_subject_can_only_be_a_plain_file_name() -> None:
    for name in ("../manifest.json", ".hidden", "a/b", "a\nb", ""):
        assert _subject_is_refused(name), name


def _subject_is_refused(name: str) -> bool:
    from extracts.handover.manifest import _SAFE_NAME

    return _SAFE_NAME.fullmatch(name) is None


@given(
    st.dictionaries(st.text(min_size=1), st.binary().map(digest_bytes)), st.text(), st.integers(-(2**53) + 1, 2**53 - 1)
)
def test_what_a_statement_says_can_be_read_back(subjects: dict[str, str], word: str, number: int) -> None:
    from extracts.canonical import plain

    said = plain({"word": word, "number": number, "list": [word, None, True]})
    names = {plain(n): d for n, d in subjects.items()}
    written = Statement(names, "test", said).text()
    found = read_statement(written, "test", "a statement")
    assert (dict(found.subjects), found.predicate) == (names, said)
    assert found.text() == written


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '{"a": 1.5}',
        '{"a": 1e3}',
        '{"a": NaN}',
        '["a"]',
        '{"a": 1} {"b": 2}',
        "",
    ],
)
def test_json_that_two_readers_could_read_differently_is_refused(text: str) -> None:
    assert read_json(b'{"a": 1}', "a document") == {"a": 1}
    with pytest.raises(InvalidDocument, match="a document"):
        read_json(text.encode(), "a document")


def test_a_statement_in_another_layout_is_refused() -> None:
    written = Statement({"a": "sha256:" + "0" * 64}, "test", {"b": 1}).text()
    assert read_statement(written, "test", "a statement").predicate == {"b": 1}
    for other in (written.replace(b"  ", b" "), written.replace(b'{\n  "_type"', b'{\n  "also": 1,\n  "_type"')):
        with pytest.raises(InvalidDocument, match="one text form"):
            read_statement(other, "test", "a statement")


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_crash(data: bytes) -> None:
    try:
        read_json(data, "noise")
    except InvalidDocument:
        return
    assert data.strip().startswith(b"{")


def test_deeply_nested_json_is_refused_like_any_other_nonsense() -> None:
    with pytest.raises(InvalidDocument, match="is not JSON"):
        read_json(b'{"a":' + b"[" * 200_000, "nesting")


def test_the_reference_page_lists_every_field_as_the_software_knows_it() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "manifest.md"
    assert page.read_text() == manifest_reference(), "run `make docs`"
    for field in ("decision_digest", "clear_sha256", "log_position", "destroy_by", "smallest_group", "head"):
        assert f"| `{field}` |" in page.read_text()
