"""AES-256-CMAC (RFC 4493, NIST SP 800-38B) of a whole column of short messages at once.

A message of up to 16 bytes, as every identifier is, takes one block of AES: a column is one call of the cipher, which
processors have in hardware. An HMAC takes four rounds of SHA-256, and ten times as long.

Rules:
1. A message is padded to whole blocks with 0x80 and zeros, unless it fills its last block; that block is masked with
   one subkey or the other, so that no two messages pad to one.
2. Messages of one length go through the cipher together, once per block.
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
    starts, lengths, characters = _bytes(messages)
    found = np.empty((len(messages), BLOCK), np.uint8)
    if len(lengths) and (lengths == lengths[0]).all():
        return _of_one_length(cipher, characters.reshape(len(lengths), -1))
    for length in np.flatnonzero(np.bincount(lengths)):
        rows = np.flatnonzero(lengths == length)
        found[rows] = _of_one_length(cipher, characters[starts[rows, None] + np.arange(length)])
    return found


def _of_one_length(cipher: CipherContext, messages: Bytes) -> Bytes:
    """The MACs of messages that are all as long, a row of bytes each."""
    rows, length = messages.shape
    width = max(1, -(-length // BLOCK)) * BLOCK
    padded = np.zeros((rows, width), np.uint8)
    padded[:, :length] = messages
    padded[:, length : length + 1] = _PADDING
    whole, filled = _subkeys(cipher)
    padded[:, -BLOCK:] ^= whole if length == width else filled
    found = np.zeros((rows, BLOCK), np.uint8)
    for start in range(0, width, BLOCK):
        found = _encrypted(cipher, np.bitwise_xor(found, padded[:, start : start + BLOCK], dtype=np.uint8))
    return found


def _bytes(messages: pa.Array) -> tuple[Any, Any, Bytes]:
    """Where each message starts in all their bytes, its length (0 of a null), and these bytes."""
    if messages.null_count:
        messages = messages.fill_null("")
    _, offsets, characters = messages.buffers()
    ends = np.frombuffer(offsets, np.int32)[messages.offset : messages.offset + len(messages) + 1].astype(np.int64)
    found = np.frombuffer(characters or b"", np.uint8)[ends[0] : ends[-1]] if len(messages) else np.empty(0, np.uint8)
    return ends[:-1] - ends[:1], np.diff(ends), found


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
