"""Reads YAML documents strictly: YAML 1.2, no duplicate keys, and every value knows its line.

A YAML 1.1 reader turns `NO` into false, `012` into 10 and `12:30` into 750, so a filter on a country code or a claim
number would silently mean another. Here `NO` is text; a number with leading zeros, which readers disagree about,
is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extracts.errors import InvalidDocument, Problem

MAX_BYTES = 1 << 20
MAX_BRACKETS = 2000
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202e\\u2066\\u2067]")
_AMBIGUOUS = re.compile(r"^[-+]?(0\d[\d_]*|0o[0-7]+|0b[01]+|0x[0-9a-fA-F]+|\d+(:[0-5]?\d)+|\d[\d_]*_[\d_]*)$")
_YAML11_WORDS = re.compile(r"^(y|n|yes|no|on|off)$", re.IGNORECASE)


@dataclass(frozen=True)
class Document:
    """A parsed document: plain Python values, and the line of every path (`columns.0.name`)."""

    source: str
    value: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, path: str) -> int | None:
        """The 1-based line of `path`, or of its nearest parent that has one."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path)

    def problem(self, path: str, message: str, allowed: tuple[str, ...] = ()) -> Problem:
        """A problem at `path`, with its line."""
        return Problem(path or "document", message, self.line(path), allowed)


def read(path: Path) -> Document:
    """The document in a file. Raises InvalidDocument with the file's name, line and field."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidDocument(str(path), [Problem("file", f"cannot be read ({error.strerror})")]) from None
    return parse(data, str(path))


def parse(data: bytes, source: str) -> Document:
    """The document in `data`: one YAML mapping. Raises InvalidDocument."""
    text = _text(data, source)
    reader = _Reader(text)
    try:
        value = reader.read(_events(text, source))
    except RecursionError:
        raise InvalidDocument(source, [Problem("syntax", "is nested too deeply")]) from None
    if not reader.problems and not isinstance(value, dict):
        reader.problems.append(Problem("document", "must be a mapping of fields", 1))
    if reader.problems:
        raise InvalidDocument(source, reader.problems)
    return Document(source, value, reader.lines)


def _text(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        raise InvalidDocument(source, [Problem("file", f"is larger than {MAX_BYTES} bytes")])
    # A pile of brackets is cheap to write, and each costs a reader a level of its own depth.
    if data.count(b"[") + data.count(b"{") > MAX_BRACKETS:
        raise InvalidDocument(source, [Problem("file", f"has more than {MAX_BRACKETS} brackets; write lists as lines")])
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InvalidDocument(source, [Problem("file", f"is not UTF-8 at byte {error.start}")]) from None
    if found := _CONTROL.search(text.replace("\r\n", "\n")):
        line = text.replace("\r\n", "\n").count("\n", 0, found.start()) + 1
        raise InvalidDocument(source, [Problem("document", "contains a control character", line)])
    return text


def _events(text: str, source: str) -> Iterator[Any]:
    """The library's events. It decides about no value; that is `_Reader`'s part."""
    import yaml

    try:
        yield from yaml.parse(text, Loader=getattr(yaml, "CLoader", yaml.Loader))
    except yaml.YAMLError as error:
        # The library's message quotes the text around the fault; the position and its short description suffice.
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "is not YAML"
        raise InvalidDocument(source, [Problem("syntax", str(what), mark.line + 1 if mark else None)]) from None


class _Reader:
    """Walks the events of a text; collects every problem, so that an editor shows all of them at once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}
        self._events: Iterator[Any] = iter(())

    def read(self, events: Iterator[Any]) -> Any:
        """The value of the one document; None if there is none."""
        self._events = events
        next(events)  # the stream's start
        if _kind(next(events)) == "StreamEnd":
            return None
        value = self._value(next(events), "")
        next(events)  # the document's end
        if _kind(more := next(events)) != "StreamEnd":
            self._problem(more, "", "there must be one document, not several")
        return value

    def _value(self, event: Any, path: str) -> Any:
        self.lines.setdefault(path, event.start_mark.line + 1)
        plain = self._check(event, path)
        match _kind(event):
            case "MappingStart":
                return self._mapping(path)
            case "SequenceStart":
                return self._sequence(path)
            case _:
                return self._scalar(event, path) if plain else None

    def _check(self, event: Any, path: str) -> bool:
        """Whether the value stands there by itself."""
        if event.anchor is not None:
            self._problem(event, path, "anchors and aliases are not allowed; write the value out")
            return False
        # The library forgets a lone `!`, with which `! 12` is text.
        if event.tag is not None or self.text[event.start_mark.index : event.start_mark.index + 1] == "!":
            self._problem(event, path, "tags are not allowed")
            return False
        return True

    def _mapping(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while _kind(key := next(self._events)) != "MappingEnd":
            name = self._name(key, path)
            where = f"{path}.{name}".lstrip(".")
            self.lines[where] = key.start_mark.line + 1
            if name in found:
                self._problem(key, where, "the same field twice; keep one")
            found[name] = self._value(next(self._events), where)
        return found

    def _name(self, key: Any, path: str) -> str:
        if _kind(key) == "Scalar":
            self._check(key, path)
            return str(key.value)
        self._problem(key, path, "the name of a field must be plain text")
        if _kind(key) != "Alias":
            self._value(key, path)
        return ""

    def _sequence(self, path: str) -> list[Any]:
        found: list[Any] = []
        while _kind(event := next(self._events)) != "SequenceEnd":
            found.append(self._value(event, f"{path}.{len(found)}".lstrip(".")))
        return found

    def _scalar(self, event: Any, path: str) -> Any:
        text = str(event.value)
        if _CONTROL.search(text):
            return self._problem(event, path, "contains a control character")
        return text if event.style else self._plain(event, path, text)

    def _plain(self, node: Any, path: str, text: str) -> Any:
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        if _AMBIGUOUS.match(text) or _YAML11_WORDS.match(text):
            return self._problem(
                node, path, f"{text!r} is ambiguous (readers of YAML differ about it); put it in quotes"
            )
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else text

    def _problem(self, node: Any, path: str, message: str) -> None:
        self.problems.append(Problem(path or "document", message, node.start_mark.line + 1))


def _kind(event: Any) -> str:
    return type(event).__name__.removesuffix("Event")
