"""Pseudonym keys: one per agreement, made at publication, in 0600 files, and nowhere else.

Rules:
1. A key is 64 ASCII hex characters (256 random bits), which are the key of AES-256-CMAC. It is never in the
   register, a manifest, a log, or the environment; its id says nothing about it.
2. A renewal keeps the key unless the decision says otherwise; revocation retires it; withdrawing a delivery leaves it.
   A retired key is kept for the subjects' rights, renamed below `retired`, and never used again.
3. A backup is one age file to the controller's recovery key; only its holder can read it.
4. A lost key is never silently replaced: new pseudonyms would not join to those delivered before. A file that is
   damaged is as good as none: it is moved aside, never deleted.
5. Where an agreement has several recipients, each one's pseudonyms are made with a key of its own, derived from the
   agreement's (HKDF-SHA-256, RFC 5869): nobody can join two recipients' data by them, and there is one key to keep.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from extracts.errors import KeyLost, NotFound

MEMBERSHIP = "membership"
_KEY = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_MEANING = {
    False: "Without it, new pseudonyms cannot join earlier ones.",
    True: "Without it, nobody can be looked up in the membership indexes kept so far.",
}
_ADVICE = (
    "Restore it with `extracts keys restore`. If it is lost for good, the Controller decides whether to go on under a "
    "new key (`extracts keys replace`); recipients of pseudonyms are told that series break."
)


@dataclass(frozen=True)
class PseudonymKey:
    """A key and the id by which manifests name it."""

    key_id: str
    secret: str

    def document(self) -> dict[str, str]:
        """What a key file and a backup hold."""
        return {"key_id": self.key_id, "secret": self.secret}

    def __repr__(self) -> str:
        return f"PseudonymKey({self.key_id!r}, ...)"


def make_key(folder: Path, owner: str) -> str:
    """Make the key of an agreement unless it has one; its key id. Safe against two makers at once."""
    write_once(key_path(folder, owner), PseudonymKey(f"{owner}-{secrets.token_hex(4)}", secrets.token_hex(32)))
    return load_key(folder, owner).key_id


def write_once(path: Path, key: PseudonymKey) -> None:
    """The key file, whole and 0600, unless there is one: the first writer wins."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(key.document(), stream)
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
    path = key_path(folder, owner)
    if not path.exists():
        raise KeyLost(f"The pseudonym key of {owner} is missing. {_MEANING[owner == MEMBERSHIP]}", advice=_ADVICE)
    if path.stat().st_mode & 0o077:
        raise KeyLost(
            f"The key file of {owner} can be read by others; it is no longer trusted.",
            advice="chmod 600 it and ask the Controller whether to go on, or under a new key: `extracts keys replace`.",
        )
    if (found := read_key(path)) is None:
        raise KeyLost(f"The key file of {owner} is damaged. {_MEANING[owner == MEMBERSHIP]}", advice=_ADVICE)
    return found


def key_of_part(key: PseudonymKey, part: str) -> PseudonymKey:
    """The key of one of several recipients; the agreement's own key if `part` is empty."""
    if not part:
        return key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), 32, salt=None, info=f"governed-extracts pseudonyms for {part}".encode())
    return PseudonymKey(f"{key.key_id}.{part}", derived.derive(bytes.fromhex(key.secret)).hex())


def read_key(path: Path) -> PseudonymKey | None:
    """The key in a file, whoever can read it; None if it is damaged or not there."""
    try:
        return parse_key(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def parse_key(document: object) -> PseudonymKey | None:
    """The key that a document of a key file or a backup holds; None if it is none."""
    if not isinstance(document, Mapping) or set(document) != {"key_id", "secret"}:
        return None
    key = PseudonymKey(str(document["key_id"]), str(document["secret"]))
    return key if _ID.fullmatch(key.key_id) and _KEY.fullmatch(key.secret) else None


def retire_key(folder: Path, owner: str) -> None:
    """Take a key out of use, whatever state its file is in; nothing if it is not there."""
    path = key_path(folder, owner)
    if path.exists():
        found = read_key(path)
        retired = retired_path(folder, found.key_id if found else f"{owner}-damaged-{secrets.token_hex(4)}")
        retired.parent.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o600)
        path.rename(retired)


def replace_key(folder: Path, owner: str) -> str:
    """A new key for an agreement whose key is lost or suspect; its id. The old file is retired if still there."""
    retire_key(folder, owner)
    return make_key(folder, owner)


def key_ids(folder: Path) -> dict[str, str]:
    """Key ids by agreement, no secrets; empty for a file that is damaged."""
    return {p.stem: key.key_id if (key := read_key(p)) else "" for p in sorted(folder.glob("*.json"))}


def key_path(folder: Path, owner: str) -> Path:
    """Where the key of an agreement lies. Raises NotFound for what can be no agreement's id."""
    if not _ID.fullmatch(owner):
        raise NotFound("No agreement has an id of this form.")
    return folder / f"{owner}.json"


def retired_path(folder: Path, key_id: str) -> Path:
    """Where a key lies that is out of use."""
    return folder / "retired" / f"{key_id}.json"
