"""Reads YAML documents strictly: YAML 1.2, no duplicate keys, and every value knows its line.

A YAML 1.1 reader turns `NO` into false, `012` into 10 and `12:30` into 750, so a filter on a country code or a claim
number would silently mean another. Here `NO` is text; a number with leading zeros, which readers disagree about,
is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extracts.errors import InvalidDocument, Problem

MAX_BYTES = 1 << 20
MAX_BRACKETS = 2000
_YAML_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
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
    if len(data) > MAX_BYTES:
        raise InvalidDocument(source, [Problem("file", f"is larger than {MAX_BYTES} bytes")])
    root = _compose(data, source)
    reader = _Reader(source)
    value = reader.convert(root, "")
    if not reader.problems and not isinstance(value, dict):
        reader.problems.append(Problem("document", "must be a mapping of fields", 1))
    if reader.problems:
        raise InvalidDocument(source, reader.problems)
    return Document(source, value, reader.lines)


def _compose(data: bytes, source: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    # Time grows with the square of the depth, and only brackets make depth cheap to write.
    if data.count(b"[") + data.count(b"{") > MAX_BRACKETS:
        raise InvalidDocument(source, [Problem("file", f"has more than {MAX_BRACKETS} brackets; write lists as lines")])
    yaml = YAML(typ="rt")
    yaml.version = (1, 2)
    try:
        return yaml.compose(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidDocument(source, [Problem("file", f"is not UTF-8 at byte {error.start}")]) from None
    except RecursionError:
        raise InvalidDocument(source, [Problem("syntax", "is nested too deeply")]) from None
    except YAMLError as error:
        # The library's message quotes the text around the fault; the position and its short description suffice.
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "is not YAML"
        raise InvalidDocument(source, [Problem("syntax", str(what), mark.line + 1 if mark else None)]) from None


class _Reader:
    """Walks ruamel's node tree; collects every problem, so that an editor shows all of them at once."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}
        self._seen: set[int] = set()

    def convert(self, node: Any, path: str) -> Any:
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        if node is None:
            return None
        self.lines.setdefault(path, node.start_mark.line + 1)
        if node.anchor or id(node) in self._seen:
            return self._problem(node, path, "anchors and aliases are not allowed; write the value out")
        self._seen.add(id(node))
        if _is_tagged(node):
            return self._problem(node, path, "tags are not allowed")
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.convert(item, f"{path}.{i}".lstrip(".")) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            where = f"{path}.{name}".lstrip(".")
            self.lines[where] = key.start_mark.line + 1
            if name in found:
                self._problem(key, where, "the same field twice; keep one")
            found[name] = self.convert(value, where)
        return found

    def _scalar(self, node: Any, path: str) -> Any:
        # The round-trip reader marks the folds of a `>` text with BEL; a real one never gets past the scanner.
        text = str(node.value).replace("\a", "") if node.style == ">" else str(node.value)
        if _has_control(text):
            return self._problem(node, path, "contains a control character")
        if node.style in ("'", '"', "|", ">"):
            return text
        return self._plain(node, path, text)

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


def _is_tagged(node: Any) -> bool:
    """Whether the writer gave the value a tag: it then has another than its own form would get."""
    tag, style = str(node.ctag or node.tag).removeprefix(_YAML_TAG), getattr(node, "style", None)
    if not isinstance(node.value, str):
        return tag not in ("map", "seq")
    if style in ("'", '"', "|", ">"):
        return tag != "str"
    written_as_text = tag == "str" and re.fullmatch(r"[-+]?\d+|true|false|null|~|", node.value)
    return tag not in _PLAIN_TAGS or bool(written_as_text)


def _has_control(text: str) -> bool:
    return any(
        (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c in "\u2028\u2029\u202e\u2066\u2067" for c in text
    )
