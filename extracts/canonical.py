"""Canonical form and digests: the one way in which a value becomes bytes that people sign.

Rules:
1. RFC 8785 (JSON Canonicalization Scheme) over strings, booleans, null and safe integers. Floats are refused:
   two machines may print them differently; decimals and dates go in as normalised strings.
2. Text is NFC, so that two ways of typing one name are one value.
3. A digest is written `sha256:<64 hex>` everywhere.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import rfc8785

_SAFE_INTEGER = 2**53 - 1
_CHUNK_BYTES = 1 << 20


class Canonical:
    """What a frozen dataclass needs so that people can sign it, and others can name it by its digest."""

    def document(self) -> dict[str, Any]:
        """The value as plain JSON values."""
        found: dict[str, Any] = plain(asdict(self))  # type: ignore[call-overload]
        return found

    def canonical(self) -> bytes:
        """The bytes that are signed, delivered or kept."""
        return canonical_json(self.document())

    @property
    def digest(self) -> str:
        """The digest by which decisions, manifests and the ledger name this value."""
        return digest(self.document())


def canonical_json(value: Any) -> bytes:
    """The canonical bytes of a value of dicts, lists, strings, integers, booleans and None.

    Raises TypeError for floats and unknown types, ValueError for integers beyond 2^53-1.
    """
    return bytes(rfc8785.dumps(plain(value)))


def digest(value: Any) -> str:
    """`sha256:<hex>` over the canonical bytes of `value`."""
    return digest_bytes(canonical_json(value))


def digest_bytes(data: bytes) -> str:
    """`sha256:<hex>` over raw bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """`sha256:<hex>` over a file, read in constant memory."""
    sha = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            sha.update(chunk)
    return "sha256:" + sha.hexdigest()


def plain(value: Any) -> Any:
    """The JSON-able, normalised form of a value: NFC text, ISO dates, decimals without trailing zeros."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, int):
        return _safe_integer(value)
    if isinstance(value, Decimal):
        return normal_decimal(value)
    if isinstance(value, date):
        return timestamp_text(value) if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, Mapping):
        return {_key(k): plain(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(v) for v in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def normal_decimal(value: Decimal) -> str:
    """`Decimal('1.50')` -> `'1.5'`: no exponent, trailing zeros or negative zero. Raises ValueError if not finite."""
    if not value.is_finite():
        raise ValueError("only finite decimals have a canonical form")
    text = format(value.normalize() + 0, "f")
    return "0" if text in ("-0", "0") else text


def timestamp_text(value: datetime) -> str:
    """An aware time as `2026-11-23T21:09:00Z` (microseconds only if present). Raises ValueError if it has no zone."""
    from datetime import UTC

    if value.tzinfo is None:
        raise ValueError("a time without a zone has no canonical form")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _safe_integer(value: int) -> int:
    if abs(value) > _SAFE_INTEGER:
        raise ValueError("an integer beyond 2^53-1 has no canonical form; write it as a string")
    return value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("canonical objects have text keys")
    return unicodedata.normalize("NFC", key)
