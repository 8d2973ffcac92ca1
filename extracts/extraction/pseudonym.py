"""Pseudonyms: AES-256-CMAC under a key that one agreement has alone, so that nobody else can make or undo them.

Rules:
1. The key is 64 hex characters: 32 bytes. Hashing without a key is not offered: all possible National Insurance
   numbers can be hashed in minutes.
2. The message is the identifier's kind, a separator, and the value in one form; so a NINO and a claim reference that
   look alike differ, and one person written in two ways is one. The suffix letter of a NINO tells nobody apart and is
   often left out, so it is not part of that form.
3. A blank is nobody: it becomes null, or all blanks would share one pseudonym.
4. All 128 bits are delivered, as 32 hex characters. Messages of one block never share one; of a billion longer ones, no
   two do.
"""

from __future__ import annotations

import re
from typing import Any

from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC

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
    made = CMAC(algorithms.AES256(bytes.fromhex(checked_key(key))))
    made.update(text.encode())
    return made.finalize().hex()


def message(kind: str, value: str | None) -> str | None:
    """The message of one value, as Python makes it; None for a blank."""
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
    from extracts.extraction.cmac import macs

    if not messages:
        return [], []
    secret = bytes.fromhex(checked_key(key))
    found = [(macs(secret, said), said) for said in messages]
    return [_as_text(*f) for f in found] if text else [], [_as_numbers(*f) for f in found]


def _as_text(made: Any, messages: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    pairs = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
    ends = np.arange(0, len(made) * _LENGTH + 1, _LENGTH, dtype=np.int32)
    whole = pa.StringArray.from_buffers(len(made), pa.py_buffer(ends), pa.py_buffer(pairs[made]))
    return pa.compute.if_else(messages.is_valid(), whole, None) if messages.null_count else whole


def _as_numbers(made: Any, messages: Any) -> Any:
    import pyarrow as pa

    return pa.array(made.view(">u8")[:, 0].astype("u8"), mask=messages.is_null().to_numpy(zero_copy_only=False))


def checked_key(key: str) -> str:
    """`key` if it is one. Raises UsageError, which does not show it."""
    if not _KEY.fullmatch(key):
        raise UsageError("A pseudonym key is 64 lower-case hex characters; this is none.")
    return key
