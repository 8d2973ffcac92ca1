"""Encryption to the recipient's keys (age, through pyrage).

Rules:
1. Only the recipient's own keys can open a file: age X25519 keys or SSH public keys (ed25519, RSA), several if they
   like. No key of ours is added.
2. Files pass through in pieces: memory does not grow with them.
3. The clear bytes are hashed while they are encrypted, so what is encrypted is what was inspected, or nothing is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from extracts.errors import CheckFailed, TechnicalFailure, UsageError
from extracts.handover.digesting import DigestingReader, DigestingWriter
from extracts.handover.files import create_private, staging_errors

AGE_HEADER = b"age-encryption.org/v1\n"


@dataclass(frozen=True)
class Encrypted:
    """An encrypted file. Digests are `sha256:<hex>`; sizes in bytes."""

    path: Path
    sha256: str
    bytes: int
    clear_sha256: str
    clear_bytes: int


def check_recipient_key(key: str) -> None:
    """Raises UsageError unless `key` is a public key that files can be encrypted to."""
    _recipient(key)


def encrypt(clear: Path, encrypted: Path, recipients: Sequence[str], *, clear_sha256: str) -> Encrypted:
    """`clear` encrypted to every key of `recipients`, written to `encrypted` (0600, synced to the disk).

    Raises CheckFailed if the clear file no longer has the digest that was inspected, UsageError for a key that cannot
    be used, DiskFull, TechnicalFailure. Whatever fails, no file remains at `encrypted` that was not there before.
    """
    keys = [_recipient(k) for k in recipients]
    if not keys:
        raise UsageError("The recipient has no key to encrypt to.", advice="Add one to the register of parties.")
    unfinished = encrypted.with_name(f".{encrypted.name}.unfinished")
    with staging_errors(encrypted.name):
        try:
            with clear.open("rb") as source, create_private(unfinished) as target:
                made = _encrypt_stream(source, target, keys, encrypted)
            _check_same(made, clear_sha256, clear.name)
            unfinished.replace(encrypted)
        finally:
            unfinished.unlink(missing_ok=True)
    return made


def _recipient(key: str) -> Any:
    import pyrage

    text = key.strip()
    try:
        if text.startswith("ssh-"):
            return pyrage.ssh.Recipient.from_str(text)
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        kind = text.split(" ")[0][:30] if text.startswith(("ssh-", "ecdsa-", "sk-")) else "neither age1... nor ssh-..."
        raise UsageError(
            f"A recipient's key cannot be encrypted to ({kind}).",
            advice="Give an age public key (age1...) or an SSH public key (ssh-ed25519 or ssh-rsa).",
        ) from None


def _encrypt_stream(source: BinaryIO, target: BinaryIO, keys: list[Any], path: Path) -> Encrypted:
    import pyrage

    reader, writer = DigestingReader(source), DigestingWriter(target)
    try:
        pyrage.encrypt_io(reader, writer, keys)
    except (pyrage.EncryptError, OSError) as error:
        failure = TechnicalFailure(
            f"{path.name} could not be encrypted ({type(error).__name__}).",
            advice="Is there room on the disk? Run again.",
        )
        raise (writer.error or reader.error or failure) from None
    target.flush()
    os.fsync(target.fileno())
    return Encrypted(path, writer.digest, writer.bytes, reader.digest, reader.bytes)


def _check_same(made: Encrypted, clear_sha256: str, name: str) -> None:
    if made.clear_sha256 != clear_sha256:
        raise CheckFailed(
            f"{name} is no longer the file that was inspected: its digest changed before it was encrypted.",
            advice="Nothing was delivered. Find out who wrote to the staging folder, then run again.",
        )
