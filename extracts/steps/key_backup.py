"""Backs up, restores and replaces keys, each told to the ledger by key id.

Rules:
1. A backup holds every key, the retired ones too. What is damaged is not in it, and is named.
2. A restore brings back what is missing or damaged. What is there and differs is never overwritten: somebody has to
   decide which one is right; the others can be restored without it.
3. The ledger knows which key was replaced or revoked since: an old backup brings such a key back among the retired ones
   only.
4. An agreement gets a new key only while it is in force.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.status import Status
from extracts.canonical import digest_bytes
from extracts.catalogue.forms import readable
from extracts.errors import NotFound, NotPermitted, SettingMissing, UsageError, VerificationFailed
from extracts.handover.decryption import decrypt_stream, read_identity
from extracts.handover.encryption import encrypt
from extracts.record import ledger, register
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import keys
from extracts.steps.in_force import ENDED_FOR_GOOD, decision_in_force
from extracts.steps.publishing import publish_agreement

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_FORMATS = ("governed-extracts/keys/1", "governed-extracts/keys/2")  # 1 had no retired keys


def backup_keys(work: Workplace, to: Path) -> tuple[int, tuple[str, ...]]:
    """Encrypt all keys to the recovery key: how many, and whose files are damaged and not in it.

    Raises SettingMissing, UsageError if the file is there.
    """
    if not work.recovery_recipient:
        raise SettingMissing("EXTRACTS_RECOVERY_RECIPIENT is not set: there is nobody to encrypt the backup to.")
    if to.exists():
        raise UsageError(f"{to} is there already; a backup overwrites nothing.")
    folder = work.places.keys
    used, retired = _documents(folder), _documents(folder / "retired")
    document = json.dumps({"format": _FORMATS[-1], "keys": used, "retired": retired}, sort_keys=True).encode()
    with _in_memory(document) as clear:
        encrypt(clear, to, [work.recovery_recipient], clear_sha256=digest_bytes(document))
    to.chmod(0o600)
    return len(used), tuple(sorted({p.stem for p in folder.glob("*.json")} - set(used)))


def restore_keys(
    work: Workplace, source: Path, identity: Path, actor: str, only: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Write back missing keys from a backup (of `only` these): whose are in use again, and which stay retired.

    Raises VerificationFailed if it is none or a key differs, NotPermitted (wrong identity), NotFound.
    """
    document = io.BytesIO()
    with source.open("rb") as stream:
        decrypt_stream(stream, document, read_identity(identity), source.name)
    used, retired = _opened(document.getvalue(), source.name)
    if unknown := sorted(set(only) - set(used)):
        raise NotFound(f"{source.name} holds no key of {', '.join(unknown)}.", advice=f"It has: {', '.join(used)}.")
    wanted = {owner: key for owner, key in used.items() if owner in only or not only}
    ended = {owner: key for owner, key in wanted.items() if _is_out_of_use(work, owner, key.key_id)}
    back = _missing(work.places.keys, {owner: key for owner, key in wanted.items() if owner not in ended})
    _bring_back(work, back, actor)
    return list(back), _put_by(work.places.keys, [*ended.values(), *([] if only else retired)])


def _bring_back(work: Workplace, back: Mapping[str, keys.PseudonymKey], actor: str) -> None:
    now = work.now()
    for owner, key in back.items():
        keys.retire_key(work.places.keys, owner)  # a damaged file steps aside
        keys.write_once(keys.key_path(work.places.keys, owner), key)
    with unit_of_work(work.register) as unit:
        for owner, key in back.items():
            unit.event(now, "key.restored", owner, actor, {"key": key.key_id})


def replace_agreement_key(work: Workplace, owner: str, reasons: str, actor: str) -> str:
    """A new pseudonym key for an agreement in force, or a new membership key; its id. Series break here.

    Raises NotFound, UsageError without reasons, NotPermitted for an agreement that has ended.
    """
    told = readable("reasons", reasons)
    if owner != keys.MEMBERSHIP:
        _must_be_in_force(work, owner)
    key_id = keys.replace_key(work.places.keys, owner)
    now = work.now()
    with unit_of_work(work.register) as unit:
        unit.event(now, "key.replaced", owner, actor, {"key": key_id, "reasons": told})
    if owner != keys.MEMBERSHIP:
        publish_agreement(work, owner, actor)
    return key_id


def _must_be_in_force(work: Workplace, request_id: str) -> None:
    with reading(work.register) as view:
        register.get_request(view, request_id)
        decision = decision_in_force(view, request_id)
        status = register.get_request(view, request_id, decision.version).status if decision else "not decided on"
    if status not in (Status.APPROVED, Status.SUSPENDED):
        raise NotPermitted(
            f"{request_id} is {status}: it needs no new key.",
            advice="A key is replaced while an agreement is in force.",
        )


def _is_out_of_use(work: Workplace, owner: str, key_id: str) -> bool:
    """Whether the ledger knows that this key was replaced since, or the register that its agreement has ended."""
    with reading(work.register) as view:
        events = [
            (event.sequence, event.payload["key"])
            for kind in ("key.made", "key.replaced")
            for event in ledger.events(view.connection, subject=owner, kind=kind)
        ]
        decision = decision_in_force(view, owner)
        status = register.get_request(view, owner, decision.version).status if decision else ""
    made = [key for _, key in sorted(events)]
    return status in ENDED_FOR_GOOD or (key_id in made and key_id != made[-1])


def _missing(folder: Path, wanted: Mapping[str, keys.PseudonymKey]) -> dict[str, keys.PseudonymKey]:
    """Those whose file is not there, or damaged. Raises VerificationFailed if one that is there differs."""
    there = {owner: keys.read_key(keys.key_path(folder, owner)) for owner in wanted}
    differing = sorted(owner for owner, key in there.items() if key and key != wanted[owner])
    if differing:
        raise VerificationFailed(
            f"The key of {', '.join(differing)} is there and differs from the backup's; nothing was restored.",
            advice="The Controller decides which one is right; restore others with --only.",
        )
    return {owner: wanted[owner] for owner, key in there.items() if key is None}


def _put_by(folder: Path, found: Collection[keys.PseudonymKey]) -> list[str]:
    """Keep these below `retired`; the ids of those that were not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    missing = [key for key in found if not keys.retired_path(folder, key.key_id).exists()]
    for key in missing:
        keys.write_once(keys.retired_path(folder, key.key_id), key)
    return [key.key_id for key in missing]


def _documents(folder: Path) -> dict[str, Mapping[str, str]]:
    return {p.stem: key.document() for p in sorted(folder.glob("*.json")) if (key := keys.read_key(p))}


def _opened(document: bytes, name: str) -> tuple[dict[str, keys.PseudonymKey], list[keys.PseudonymKey]]:
    """The keys of a backup, by owner, and those that were retired."""
    try:
        found = json.loads(document)
        used = {owner: keys.parse_key(key) for owner, key in found["keys"].items()}
        retired = [keys.parse_key(key) for key in found.get("retired", {}).values()]
        whole = found["format"] in _FORMATS and None not in (*used.values(), *retired)
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise VerificationFailed(f"{name} is no backup of keys.", advice="Take another one.")
    return {o: k for o, k in used.items() if k}, [k for k in retired if k]


@contextmanager
def _in_memory(document: bytes) -> Iterator[Path]:
    """A file with this content that has no name and no disk: keys are never written in clear."""
    with os.fdopen(os.memfd_create("keys", os.MFD_CLOEXEC), "wb") as stream:
        stream.write(document)
        stream.flush()
        yield Path(f"/proc/self/fd/{stream.fileno()}")
