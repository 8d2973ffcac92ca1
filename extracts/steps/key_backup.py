"""Backing up, restoring and replacing keys, each told to the ledger by key id."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.canonical import digest_bytes
from extracts.errors import NotPermitted, SettingMissing, UsageError
from extracts.handover.decryption import decrypt_stream, read_identity
from extracts.handover.encryption import encrypt
from extracts.record.transaction import unit_of_work
from extracts.steps import keys
from extracts.steps.publishing import publish_agreement
from extracts.steps.requests import stored_request

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def backup_keys(work: Workplace, to: Path) -> int:
    """Encrypt all keys to the recovery key; how many. Raises SettingMissing, UsageError if the file is there."""
    if not work.recovery_recipient:
        raise SettingMissing("EXTRACTS_RECOVERY_RECIPIENT is not set: there is nobody to encrypt the backup to.")
    if to.exists():
        raise UsageError(f"{to} is there already; a backup overwrites nothing.")
    document = keys.backup_document(work.places.keys)
    with _in_memory(document) as clear:
        encrypt(clear, to, [work.recovery_recipient], clear_sha256=digest_bytes(document))
    to.chmod(0o600)
    return len(keys.key_ids(work.places.keys))


def restore_keys(work: Workplace, source: Path, identity: Path, actor: str) -> list[str]:
    """Write back missing keys from a backup; whose. Raises VerificationFailed, NotPermitted (wrong identity)."""
    document = io.BytesIO()
    with source.open("rb") as stream:
        decrypt_stream(stream, document, read_identity(identity), source.name)
    restored = keys.restore_document(work.places.keys, document.getvalue())
    now = work.now()
    with unit_of_work(work.register) as unit:
        for owner in restored:
            unit.event(now, "key.restored", owner, actor, {"key": keys.load_key(work.places.keys, owner).key_id})
    return restored


def replace_agreement_key(work: Workplace, request_id: str, reasons: str, actor: str) -> str:
    """A new pseudonym key for an agreement; its id. Series break here: the recipient has to be told."""
    stored_request(work, request_id)
    if not reasons.strip():
        raise NotPermitted("A key is not replaced without reasons.", advice="Say why: --reasons.")
    key_id = keys.replace_key(work.places.keys, request_id)
    now = work.now()
    with unit_of_work(work.register) as unit:
        unit.event(now, "key.replaced", request_id, actor, {"key": key_id, "reasons": reasons})
    publish_agreement(work, request_id, actor)
    return key_id


@contextmanager
def _in_memory(document: bytes) -> Iterator[Path]:
    """A file with this content that has no name and no disk: keys are never written in clear."""
    with os.fdopen(os.memfd_create("keys", os.MFD_CLOEXEC), "wb") as stream:
        stream.write(document)
        stream.flush()
        yield Path(f"/proc/self/fd/{stream.fileno()}")
