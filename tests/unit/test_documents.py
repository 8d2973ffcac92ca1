"""YAML is read strictly: what two readers could take for different things is refused, with its line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.documents import MAX_BYTES, parse, read
from extracts.errors import InvalidDocument


def value_of(text: str) -> object:
    return parse(f"a: {text}\n".encode(), "d.yaml").value["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("0", 0),
        ("1.50", "1.50"),
        ("1e3", "1e3"),
        ("2026-01-31", "2026-01-31"),
        ("true", True),
        ("False", "False"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'NO'", "NO"),
        ('"012"', "012"),
        ("'12:30'", "12:30"),
        ("Norway", "Norway"),
        ("[1, two]", [1, "two"]),
        (".inf", ".inf"),
    ],
)
def test_plain_values_mean_what_they_look_like(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("NO", "no", "Yes", "on", "OFF", "y", "N"),
        *("012", "00", "0o17", "0b1", "0x1F", "1_000", "12:30", "1:2:3", "+012"),
    ],
)
def test_what_readers_differ_about_is_refused_and_fine_in_quotes(text: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        value_of(text)
    (problem,) = caught.value.problems
    assert (problem.line, problem.field) == (1, "a")
    assert "put it in quotes" in problem.message
    assert value_of(f'"{text}"') == text


@pytest.mark.parametrize(
    ("text", "told", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "the same field twice", 3),
        ("a:\n  b: 1\n  b: 1\n", "the same field twice", 3),
        ("a: &x 1\nb: *x\n", "anchors and aliases", 1),
        ("a: !!str 1\n", "tags are not allowed", 1),
        ("a: &x 1\n", "anchors and aliases", 1),
        ("&x a: 1\n", "anchors and aliases", 1),
        ("a: ! 12\n", "tags are not allowed", 1),
        ("a: ! [1]\n", "tags are not allowed", 1),
        ("? [a, b]\n: 1\n", "must be plain text", 1),
        ("a: 1\n...\n---\nb: 1\n", "one document, not several", 3),
        ("a: b\u2028c\n", "control character", 1),
        ("a: 1\r\nb: c\x85d\r\n", "control character", 2),
        ("a: !!python/object/apply:os.system [ls]\n", "tags are not allowed", 1),
        ("- 1\n", "must be a mapping", 1),
        ("just text\n", "must be a mapping", 1),
        ("", "must be a mapping", 1),
        ("a: [1\n", "", None),
        ("a: 1\n\tb: 2\n", "", None),
        ("a: 1\n---\nb: 2\n", "", None),
        ('a: "\\x00"\n', "control character", 1),
        ('a: "\\u202e"\n', "control character", 1),
    ],
)
def test_what_is_no_plain_document_is_refused(text: str, told: str, line: int | None) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(text.encode(), "d.yaml")
    assert caught.value.source == "d.yaml"
    assert told in str(caught.value)
    if line is not None:
        assert caught.value.problems[0].line == line


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(b"a: NO\nb: 012\nc: 1\nc: 2\n", "d.yaml")
    assert [p.line for p in caught.value.problems] == [1, 2, 4]


def test_bytes_that_are_no_text_and_too_many_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="not UTF-8 at byte 3"):
        parse(b"a: \xff\n", "d.yaml")
    with pytest.raises(InvalidDocument, match="larger than"):
        parse(b"a" * (MAX_BYTES + 1), "d.yaml")
    with pytest.raises(InvalidDocument):
        parse(b"a: " + b"[" * 100_000, "d.yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument, match="nowhere"):
        read(tmp_path / "nowhere.yaml")
    with pytest.raises(InvalidDocument):
        read(tmp_path)


def test_the_lines_of_a_file_may_end_as_windows_writes_them() -> None:
    found = parse(b"\xef\xbb\xbfa: 1\r\nb: >-\r\n  long\r\n  text\r\n", "d.yaml")
    assert found.value == {"a": 1, "b": "long text"}
    assert found.line("b") == 2


def test_every_value_knows_its_line() -> None:
    found = parse(b"a:\n  - b: 1\n    c: 2\nd: >-\n  long\n  text\n", "d.yaml")
    assert found.line("a.0.c") == 3
    assert found.line("a.0.c.nothing.there") == 3
    assert found.line("d") == 4
    assert found.value["d"] == "long text"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(data: bytes) -> None:
    with suppress(InvalidDocument):
        assert isinstance(parse(data, "d.yaml").value, dict)


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cf", "Co", "Cn")), max_size=60)
)
def test_a_quoted_text_comes_back_as_it_was(text: str) -> None:
    quoted = text.replace("'", "''")
    assert parse(f"a: '{quoted}'\n".encode(), "d.yaml").value["a"] == text
