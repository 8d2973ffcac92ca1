"""Binds the service's key and the pinned list of signers to what needs to sign or judge."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from extracts import signing
from extracts.errors import SettingMissing

if TYPE_CHECKING:
    from extracts.handover.dropzone.index import IndexSigner
    from extracts.steps.workplace import Workplace


def judge(work: Workplace, data: bytes, signature: str, namespace: str, at: datetime) -> signing.Signature:
    """Who signed `data`, judged at the time that the ledger recorded. Raises SignatureInvalid, SettingMissing."""
    signers = work.places.allowed_signers
    if not signers.is_file():
        raise SettingMissing(
            "There is no allowed_signers file: nobody's signature counts.", advice=f"Put it at {signers}."
        )
    return signing.verify(data, signature, namespace, signers, at)


def sign_manifest(work: Workplace, statement: bytes) -> str:
    """The service's signature over a manifest."""
    return signing.sign(statement, work.service_key(), signing.MANIFEST)


def service_principal(work: Workplace) -> str:
    """The name by which the list of signers knows the service's key. Raises SignatureInvalid if it does not."""
    probe = b"which name does this key have?"
    return judge(work, probe, sign_manifest(work, probe), signing.MANIFEST, work.now()).principal


def index_signer(work: Workplace) -> IndexSigner:
    """How index.json is signed and judged: by the service, at the time that it states."""
    from extracts.handover.dropzone.index import IndexSigner

    return IndexSigner(
        sign=lambda data: signing.sign(data, work.service_key(), signing.INDEX),
        check=lambda data, signature, at: _check_index(work, data, signature, at),
    )


def _check_index(work: Workplace, data: bytes, signature: str, at: datetime) -> None:
    judge(work, data, signature, signing.INDEX, at)
