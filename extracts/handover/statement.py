"""The envelope of a manifest: an in-toto Statement v1 (in-toto attestation framework), as plain readable JSON.

Rules:
1. Subjects are delivered files, each with its SHA-256, sorted by name.
2. One value has one text: keys sorted, two spaces, UTF-8, one newline at the end. What is read must be in this very
   form, so nothing can hide in a repeated or unknown field.
3. The bytes of this text are what is signed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extracts.canonical import plain
from extracts.errors import InvalidDocument, Problem

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class Statement:
    """`subjects`: file name -> `sha256:<hex>`. `predicate`: plain JSON values, of the kind that its type names."""

    subjects: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The statement as in-toto writes it: bare hexadecimal digests, by algorithm."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [_subject(name, digest) for name, digest in sorted(self.subjects.items())],
            "predicateType": self.predicate_type,
            "predicate": plain(self.predicate),
        }

    def text(self) -> bytes:
        """The bytes that are signed."""
        return readable_json(self.document())


def readable_json(document: Mapping[str, Any]) -> bytes:
    """The one readable text of a document of plain values."""
    return (json.dumps(plain(document), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_json(data: bytes, source: str) -> dict[str, Any]:
    """The JSON object in `data`. Raises InvalidDocument: not UTF-8, not JSON, a repeated field, a float, too long."""
    if len(data) > MAX_BYTES:
        raise _invalid(source, f"is larger than {MAX_BYTES} bytes")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float)
    except _NotPlain as error:
        raise _invalid(source, str(error)) from None
    except (ValueError, RecursionError):
        raise _invalid(source, "is not JSON") from None
    if not isinstance(value, dict):
        raise _invalid(source, "is not a JSON object")
    return value


def read_statement(data: bytes, predicate_type: str, source: str) -> Statement:
    """The statement in `data`. Raises InvalidDocument unless it is of this type and in its one text form."""
    document = read_json(data, source)
    if document.get("_type") != STATEMENT_TYPE:
        raise _invalid(source, "is not an in-toto Statement v1")
    if document.get("predicateType") != predicate_type:
        raise _invalid(source, f"states something other than {predicate_type}; it may need a newer version to read")
    try:
        subjects = {s["name"]: "sha256:" + s["digest"]["sha256"] for s in document["subject"]}
        statement = Statement(subjects, predicate_type, document["predicate"])
        same = statement.text() == data
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _invalid(source, "is not an in-toto Statement v1 with SHA-256 subjects") from None
    if not same:
        raise _invalid(source, "is not in its one text form (sorted, indented, no unknown or repeated subject)")
    return statement


class _NotPlain(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotPlain("has the same field twice")
    return found


def _no_float(_: str) -> Any:
    raise _NotPlain("has a number that is not a whole one")


def _subject(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}


def _invalid(source: str, message: str) -> InvalidDocument:
    return InvalidDocument(source, [Problem("file", message)])
