"""Columns of identifiers as messages, of which pseudonyms are made: the same as `pseudonym.message`, many at once.

Nearly all numbers come in their usual form, nine capital letters and digits: these are cut to form over all characters
of a batch at once. Any other batch goes through expressions, which takes four times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from extracts.extraction.pseudonym import BLANKS, NINO_LENGTH, PERSON_KIND, SEPARATOR

_USUAL_LENGTH = NINO_LENGTH + 1  # with the suffix
_PLAIN = np.zeros(256, dtype=bool)
_PLAIN[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] = True


def messages(kind: str, values: pa.Array) -> pa.Array:
    """The messages of identifiers of one kind, as text; null for a null or a blank."""
    characters = _usual(values) if kind == PERSON_KIND else None
    if characters is None:
        return _made(kind, values)
    prefix = np.frombuffer(_prefix(kind).encode(), np.uint8)
    table = np.empty((len(characters), len(prefix) + NINO_LENGTH), np.uint8)
    table[:, : len(prefix)] = prefix
    table[:, len(prefix) :] = characters[:, :NINO_LENGTH]
    offsets = np.arange(0, table.size + 1, table.shape[1], dtype=np.int32)
    return pa.StringArray.from_buffers(len(table), pa.py_buffer(offsets), pa.py_buffer(table))


def _usual(values: pa.Array) -> np.ndarray[Any, Any] | None:
    """The characters of numbers that are all in their usual form, a row each; None if one is not, or is null."""
    if not len(values) or values.null_count or values.type != pa.string():
        return None
    _, offsets, characters = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    if not (np.diff(ends) == _USUAL_LENGTH).all():
        return None
    found = np.frombuffer(characters, np.uint8)[ends[0] : ends[-1]].reshape(-1, _USUAL_LENGTH)
    return found if _PLAIN[found].all() else None


def _made(kind: str, values: pa.Array) -> pa.Array:
    if kind == PERSON_KIND:
        bare = pc.replace_substring_regex(values, "[^A-Za-z0-9]", "")
        bare = pc.utf8_upper(pc.utf8_slice_codeunits(bare, 0, NINO_LENGTH))
    else:
        bare = pc.utf8_trim(values, BLANKS)
    blank = pc.equal(bare, "")
    return pc.binary_join_element_wise(_prefix(kind), pc.if_else(blank, None, bare), "")


def _prefix(kind: str) -> str:
    return f"{kind}{SEPARATOR}"
