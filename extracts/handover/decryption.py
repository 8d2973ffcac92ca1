"""Decryption by the recipient: with an age identity file, or with an unencrypted SSH key (ed25519, RSA).

Rules:
1. Files pass through in pieces, into memory or onto the disk as the caller wants; memory does not grow with them.
2. What was opened counts only if its digest is the one that was signed; a clear file appears whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from extracts.errors import UsageError, VerificationFailed
from extracts.handover.digesting import DigestingWriter, Sink
from extracts.handover.files import create_private, open_regular, staging_errors


class Identity:
    """What opens a recipient's files. Made by `read_identity`; prints no secret."""

    def __init__(self, keys: Sequence[Any], name: str) -> None:
        self.keys = list(keys)
        self.name = name

    def __repr__(self) -> str:
        return f"Identity({self.name})"


def read_identity(path: Path) -> Identity:
    """The identity in an age identity file or an unencrypted SSH private key. Raises UsageError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The identity {path.name} cannot be read ({error.strerror}).", advice="Is it there, and yours to read?"
        ) from None
    keys = _ssh_identity(data, path.name) if b"-----BEGIN" in data else _age_identities(data, path.name)
    return Identity(keys, path.name)


def decrypt_stream(encrypted: BinaryIO, out: Sink, identity: Identity, name: str) -> tuple[str, int]:
    """Writes the clear bytes to `out`, in pieces; their digest and number. Errors name `name`.

    Raises VerificationFailed if the file is damaged, cut, or encrypted to other keys. What was written before is then
    to be thrown away.
    """
    import pyrage

    writer = DigestingWriter(out)
    try:
        pyrage.decrypt_io(encrypted, writer, identity.keys)
    except (pyrage.DecryptError, OSError) as error:
        if writer.error is not None:
            raise writer.error from None
        raise _not_opened(error, identity, name) from None
    return writer.digest, writer.bytes


def decrypt_file(encrypted: Path, clear: Path, identity: Identity, clear_sha256: str) -> None:
    """The clear file at `clear` (0600), once its digest proved to be the signed one; an existing file stays.

    Raises UsageError if `clear` is there already, VerificationFailed, DiskFull, TechnicalFailure.
    """
    if clear.exists():
        raise UsageError(
            f"{clear} is there already and is not overwritten.", advice="Move it away, or say another folder."
        )
    unfinished = clear.with_name(f".{clear.name}.unfinished")
    with staging_errors(clear.name):
        try:
            with open_regular(encrypted) as source, create_private(unfinished) as target:
                found, _ = decrypt_stream(source, target, identity, encrypted.name)
                target.flush()
                os.fsync(target.fileno())
            if found != clear_sha256:
                raise VerificationFailed(
                    f"{encrypted.name} opens to another file than the one that was signed.",
                    advice="Use nothing of it, and tell the contact.",
                )
            unfinished.rename(clear)
        finally:
            unfinished.unlink(missing_ok=True)


def _not_opened(error: Exception, identity: Identity, name: str) -> VerificationFailed:
    # The library tells the two cases apart in its text only; either way the file was not opened.
    if "No matching keys" in str(error):
        return VerificationFailed(
            f"{name} is not encrypted to the identity {identity.name}.",
            advice="Use the private key of one of the keys that manifest.json names in `encrypted_to`.",
        )
    return VerificationFailed(
        f"{name} cannot be decrypted: it is damaged, cut or not an age file.",
        advice="Delete the delivery here, and collect it again.",
    )


def _ssh_identity(data: bytes, name: str) -> list[Any]:
    import pyrage

    try:
        return [pyrage.ssh.Identity.from_buffer(data)]
    except pyrage.IdentityError:
        raise UsageError(
            f"The SSH key {name} cannot decrypt: it is protected by a passphrase, held in hardware, or not "
            "ed25519 or RSA.",
            advice="Use an unencrypted ed25519 or RSA key, or an age identity file.",
        ) from None


def _age_identities(data: bytes, name: str) -> list[Any]:
    import pyrage

    try:
        lines = [line.strip() for line in data.decode().splitlines()]
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (UnicodeDecodeError, pyrage.IdentityError):
        keys = []
    if not keys:
        raise UsageError(
            f"{name} is no identity: neither an age identity file (AGE-SECRET-KEY-1...) nor an SSH private key.",
            advice="Make one with `age-keygen`, or use the private part of the SSH key that was registered.",
        )
    return keys
