"""Pseudonyms: HMAC-SHA-256 under a key that one agreement has alone, so that nobody else can make or undo them.

Rules:
1. The key is 64 hex characters, whose ASCII bytes are the HMAC key. Hashing without a key is not offered: all possible
   National Insurance numbers can be hashed in minutes.
2. The message is the identifier's kind, a separator, and the value in one form; so a NINO and a claim reference that
   look alike differ, and one person written in two ways is one. The suffix letter of a NINO tells nobody apart and is
   often left out, so it is not part of that form.
3. A blank is nobody: it becomes null, or all blanks would share one pseudonym.
4. 32 hex characters (128 bits) are kept: no two of a billion people share one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from extracts.errors import UsageError

SEPARATOR = "\x1f"
PERSON_KIND = "nino"
_LENGTH = 32
_KEY = re.compile(r"[0-9a-f]{64}")
BLANKS = " \t\r\n\f\v\u00a0"
NINO_LENGTH = 8  # without the suffix


def pseudonym(key: str, kind: str, value: str | None) -> str | None:
    """The pseudonym of one value, as Python makes it: what the engine's fast way must equal."""
    text = message(kind, value)
    if text is None:
        return None
    return hmac.new(checked_key(key).encode("ascii"), text.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def message(kind: str, value: str | None) -> str | None:
    """The HMAC's message of one value, as Python makes it; None for a blank."""
    found = canonical_value(kind, value)
    return None if found is None else f"{kind}{SEPARATOR}{found}"


def canonical_value(kind: str, value: str | None) -> str | None:
    """The one form of an identifier: trimmed; of a NINO the letters and digits without suffix. None for a blank.

    `qq 12-34-56 c` -> `QQ123456`; only ASCII counts. `sources.rows.person_form` says the same in PostgreSQL.
    """
    if value is None:
        return None
    if kind == PERSON_KIND:
        return re.sub(r"[^A-Za-z0-9]", "", value)[:NINO_LENGTH].upper() or None
    return value.strip(BLANKS) or None


def pseudonyms(key: str, messages: list[Any], *, text: bool = True) -> tuple[list[Any], list[Any]]:
    """The pseudonyms of Arrow arrays of messages, as text, and the first 64 bits of each as numbers; null of null.

    text: without it, only the numbers are made. Raises UsageError if there are messages and no key.
    """
    import polars as pl
    import polars_hash  # noqa: F401 (adds the namespace `chash`)
    import pyarrow as pa

    if not messages:
        return [], []
    frame = pl.DataFrame({str(i): pl.from_arrow(m) for i, m in enumerate(messages)})
    digests = pl.all().chash.hmac_sha256(key=checked_key(key))  # type: ignore[attr-defined]
    found = frame.select(digests)
    numbers = found.select(pl.all().str.head(16).str.to_integer(base=16, dtype=pl.UInt64)).to_arrow().columns
    texts = found.select(pl.all().str.head(_LENGTH)).to_arrow().columns if text else []
    return [t.combine_chunks().cast(pa.string()) for t in texts], [n.combine_chunks() for n in numbers]


def checked_key(key: str) -> str:
    """`key` if it is one. Raises UsageError, which does not show it."""
    if not _KEY.fullmatch(key):
        raise UsageError("A pseudonym key is 64 lower-case hex characters; this is none.")
    return key
