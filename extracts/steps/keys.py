"""Pseudonym keys: one per agreement, made at publication, in 0600 files, and nowhere else.

Rules:
1. A key is 64 ASCII hex characters (256 random bits), whose ASCII bytes are the HMAC key. It is never in the
   register, a manifest, a log, or the environment; its id says nothing about it.
2. A renewal keeps the key unless the decision says otherwise; revocation retires it (kept, renamed, no longer used);
   withdrawing a delivery leaves it.
3. A backup is one age file to the controller's recovery key; only its holder can read it.
4. A lost key is never silently replaced: new pseudonyms would not join to those delivered before.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from extracts.errors import KeyLost, NotFound, VerificationFailed

MEMBERSHIP = "membership"
_KEY = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


@dataclass(frozen=True)
class PseudonymKey:
    """A key and the id by which manifests name it."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"PseudonymKey({self.key_id!r}, ...)"


def make_key(folder: Path, owner: str) -> str:
    """Make the key of an agreement unless it has one; its key id. Safe against two makers at once."""
    document = {"key_id": f"{owner}-{secrets.token_hex(4)}", "secret": secrets.token_hex(32)}
    _write_once(_path(folder, owner), document)
    return load_key(folder, owner).key_id


def _write_once(path: Path, document: Mapping[str, str]) -> None:
    """The key file, whole and 0600, unless there is one: the first writer wins."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(document, stream)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(temporary, path)  # fails if there is one
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def load_key(folder: Path, owner: str) -> PseudonymKey:
    """The key of an agreement. Raises KeyLost, saying what that means."""
    path = _path(folder, owner)
    try:
        if path.stat().st_mode & 0o077:
            raise KeyLost(
                f"The key file of {owner} can be read by others; it is no longer trusted.",
                advice="chmod 600 it and ask the Controller whether to go on.",
            )
        return _read(path.read_bytes(), owner)
    except FileNotFoundError:
        raise KeyLost(
            f"The pseudonym key of {owner} is missing. Without it, new pseudonyms cannot join earlier ones.",
            advice="Restore it with `extracts keys restore`. If it is lost for good, the Controller decides whether "
            "the agreement goes on under a new key (`extracts keys replace`); the recipient is told that series break.",
        ) from None


def retire_key(folder: Path, owner: str) -> None:
    """Take the key of a revoked agreement out of use; it stays for the subject's rights, under `retired`."""
    path = _path(folder, owner)
    retired = folder / "retired"
    retired.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        path.rename(retired / f"{load_key(folder, owner).key_id}.json")


def replace_key(folder: Path, owner: str) -> str:
    """A new key for an agreement whose key is lost or suspect; its id. The old one is retired if still there."""
    retire_key(folder, owner)
    return make_key(folder, owner)


def key_ids(folder: Path) -> dict[str, str]:
    """Key ids by agreement; no secrets."""
    return {p.stem: load_key(folder, p.stem).key_id for p in sorted(folder.glob("*.json"))}


def backup_document(folder: Path) -> bytes:
    """All keys as one document, to be encrypted to the recovery key at once; never written in clear."""
    keys = {p.stem: json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))}
    return json.dumps({"format": "governed-extracts/keys/1", "keys": keys}, sort_keys=True).encode()


def restore_document(folder: Path, document: bytes) -> list[str]:
    """Write back the keys of a backup that are missing; the names restored. Raises VerificationFailed on a conflict.

    A key that is there and differs is never overwritten: somebody has to decide which one is right.
    """
    keys: Mapping[str, Mapping[str, str]] = json.loads(document)["keys"]
    for owner, key in keys.items():
        path = _path(folder, owner)
        if path.exists() and json.loads(path.read_text()) != key:
            raise VerificationFailed(
                f"The key of {owner} is there and differs from the backup's.",
                advice="Nothing was restored; the Controller decides.",
            )
    missing = [owner for owner in keys if not _path(folder, owner).exists()]
    for owner in missing:
        _write_once(_path(folder, owner), dict(keys[owner]))
    return missing


def _path(folder: Path, owner: str) -> Path:
    if not _ID.fullmatch(owner):
        raise NotFound("No agreement has an id of this form.")
    return folder / f"{owner}.json"


def _read(data: bytes, owner: str) -> PseudonymKey:
    try:
        document = json.loads(data)
        key = PseudonymKey(str(document["key_id"]), str(document["secret"]))
    except (ValueError, KeyError, TypeError):
        raise KeyLost(
            f"The key file of {owner} is damaged.", advice="Restore it with `extracts keys restore`."
        ) from None
    if not _KEY.fullmatch(key.secret):
        raise KeyLost(f"The key file of {owner} holds no key.", advice="Restore it with `extracts keys restore`.")
    return key
