"""Encryption to the recipient's keys (age, through pyrage), and decryption by the recipient.

Rules:
1. Only the recipient's own keys can open a file: age X25519 keys or SSH public keys (ed25519, RSA), several if they
   like. No key of ours is added.
2. Files pass through in pieces: memory does not grow with them.
3. The clear bytes are hashed while they are encrypted, so what is encrypted is what was inspected, or nothing is.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from extracts.errors import CheckFailed, DiskFull, TechnicalFailure, UsageError, VerificationFailed

AGE_HEADER = b"age-encryption.org/v1\n"


class Sink(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes, /) -> int: ...


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
    be used, DiskFull, TechnicalFailure. Whatever fails, no file remains at `encrypted`.
    """
    keys = [_recipient(k) for k in recipients]
    if not keys:
        raise UsageError("The recipient has no key to encrypt to.", advice="Add one to the register of parties.")
    unfinished = encrypted.with_name(f".{encrypted.name}.unfinished")
    try:
        with clear.open("rb") as source, _create(unfinished) as target:
            made = _encrypt_stream(source, target, keys, encrypted)
        _check_same(made, clear_sha256, clear.name)
        unfinished.replace(encrypted)
    except OSError as error:
        raise _disk_error(error, encrypted) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return made


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
        raise UsageError(f"The identity {path.name} cannot be read ({error.strerror}).") from None
    keys = _ssh_identity(data, path.name) if b"-----BEGIN" in data else _age_identities(data, path.name)
    return Identity(keys, path.name)


def decrypt_stream(encrypted: BinaryIO, out: Sink, identity: Identity, name: str) -> tuple[str, int]:
    """Writes the clear bytes to `out`, in pieces; their digest and number. Errors name `name`.

    Raises VerificationFailed if the file is damaged, cut, or encrypted to other keys. What was written before is then
    to be thrown away.
    """
    import pyrage

    writer = _Writer(out)
    try:
        pyrage.decrypt_io(encrypted, writer, identity.keys)
    except (pyrage.DecryptError, OSError) as error:
        if writer.error is not None:
            raise writer.error from None
        if "No matching keys" in str(error):
            raise VerificationFailed(
                f"{name} is not encrypted to the identity {identity.name}.",
                advice="Use the private key of one of the keys that manifest.json names in `encrypted_to`.",
            ) from None
        raise VerificationFailed(f"{name} cannot be decrypted: it is damaged, cut or not an age file.") from None
    return writer.digest, writer.bytes


_KEYS = "Give an age public key (age1...) or an SSH public key (ssh-ed25519 or ssh-rsa)."


def _recipient(key: str) -> Any:
    import pyrage

    text = key.strip()
    try:
        if text.startswith("ssh-"):
            return pyrage.ssh.Recipient.from_str(text)
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        kind = text.split(" ")[0][:20] if text.startswith(("ssh-", "ecdsa-", "sk-")) else "neither age1... nor ssh-..."
        raise UsageError(f"A recipient's key cannot be encrypted to ({kind}).", advice=_KEYS) from None


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


def _encrypt_stream(source: BinaryIO, target: BinaryIO, keys: list[Any], path: Path) -> Encrypted:
    import pyrage

    reader, writer = _Reader(source), _Writer(target)
    try:
        pyrage.encrypt_io(reader, writer, keys)
    except (pyrage.EncryptError, OSError) as error:
        failure = TechnicalFailure(f"{path.name} could not be encrypted ({type(error).__name__}).")
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


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb")


def _disk_error(error: OSError, path: Path) -> Exception:
    code = errno.errorcode.get(error.errno or 0, "?")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"No space is left to write {path.name} ({code}).", advice="Free space, then run again.")
    return TechnicalFailure(f"{path.name} could not be written ({code}).")


class _Counter:
    """Hashes and counts what passes; keeps the error that the library would turn into text."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._sha = hashlib.sha256()
        self.bytes = 0
        self.error: OSError | None = None

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of all that passed."""
        return "sha256:" + self._sha.hexdigest()

    def _passed(self, data: bytes) -> None:
        self._sha.update(data)
        self.bytes += len(data)


class _Reader(_Counter):
    def read(self, size: int = -1) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except OSError as error:
            self.error = error
            raise
        self._passed(data)
        return data


class _Writer(_Counter):
    def write(self, data: bytes) -> int:
        try:
            self._stream.write(data)
        except OSError as error:
            self.error = error
            raise
        self._passed(data)
        return len(data)

    def flush(self) -> None:
        """The library asks for it; the caller flushes and syncs."""
