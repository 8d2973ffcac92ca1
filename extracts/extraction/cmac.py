"""AES-256-CMAC (RFC 4493, NIST SP 800-38B) of a whole column of short messages at once.

A message of up to 16 bytes, as every identifier is, takes one block of AES: a column is one call of the cipher, which
processors have in hardware. An HMAC takes four rounds of SHA-256, and ten times as long.

Rules:
1. A message is padded to whole blocks with 0x80 and zeros, unless it fills its last block; that block is masked with
   one subkey or the other, so that no two messages pad to one.
2. Longer messages go through the cipher once more per block, only those that still have one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

BLOCK = 16
_POLYNOMIAL = 0x87
_PADDING = 0x80

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def macs(key: bytes, messages: pa.Array) -> Bytes:
    """The 16 bytes of each message's MAC, a row each. messages: an Arrow array of text; what a null gets means nothing.

    key: 32 bytes.
    """
    cipher = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # noqa: S305 (the one block that CMAC is made of)
    padded, blocks = _padded(messages, *_subkeys(cipher))
    found = np.zeros((len(messages), BLOCK), np.uint8)
    for number in range(int(blocks.max(initial=0))):
        still = slice(None) if number == 0 else blocks > number
        found[still] = _encrypted(cipher, found[still] ^ padded[still, number * BLOCK : (number + 1) * BLOCK])
    return found


def _padded(messages: pa.Array, whole: Bytes, filled: Bytes) -> tuple[Bytes, Any]:
    """Messages as rows of whole blocks, the last one masked; and how many blocks each has, at least one."""
    lengths, characters = _bytes(messages)
    blocks = np.maximum(1, -(-lengths // BLOCK))
    table = np.zeros((len(lengths), int(blocks.max(initial=1)) * BLOCK), np.uint8)
    if len(lengths) and (lengths == lengths[0]).all():
        table[:, : lengths[0]] = characters.reshape(len(lengths), -1)
    else:
        table[np.arange(table.shape[1]) < lengths[:, None]] = characters
    rows, ends = np.arange(len(lengths)), blocks * BLOCK
    short = lengths < ends
    table[rows[short], lengths[short]] = _PADDING
    last = ends[:, None] - BLOCK + np.arange(BLOCK)
    table[rows[:, None], last] ^= np.where(short[:, None], filled, whole)
    return table, blocks


def _bytes(messages: pa.Array) -> tuple[Any, Bytes]:
    """The length of each message in bytes, 0 of a null, and all their bytes one after the other."""
    if messages.null_count:
        messages = messages.fill_null("")
    _, offsets, characters = messages.buffers()
    ends = np.frombuffer(offsets, np.int32)[messages.offset : messages.offset + len(messages) + 1].astype(np.int64)
    found = np.frombuffer(characters or b"", np.uint8)[ends[0] : ends[-1]] if len(messages) else np.empty(0, np.uint8)
    return np.diff(ends), found


def _subkeys(cipher: CipherContext) -> tuple[Bytes, Bytes]:
    """The mask of a last block that is whole, and of one that was padded."""
    first = _doubled(cipher.update(bytes(BLOCK)))
    return np.frombuffer(first, np.uint8), np.frombuffer(_doubled(first), np.uint8)


def _doubled(block: bytes) -> bytes:
    """Twice the block in the field of 2^128 elements."""
    shifted = int.from_bytes(block) << 1
    return (shifted ^ _POLYNOMIAL if shifted >> 128 else shifted).to_bytes(17)[1:]


def _encrypted(cipher: CipherContext, blocks: Bytes) -> Bytes:
    return np.frombuffer(cipher.update(np.ascontiguousarray(blocks).data), np.uint8).reshape(-1, BLOCK)
