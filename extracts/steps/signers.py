"""Binds the service's key and the pinned list of signers to what needs to sign or judge."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from extracts import signing
from extracts.errors import SettingMissing, SignatureInvalid

if TYPE_CHECKING:
    from extracts.handover.dropzone.index import IndexSigner
    from extracts.steps.workplace import Workplace


_REHEARSED, _REHEARSED_INDEX = signing.test_namespace(signing.MANIFEST), signing.test_namespace(signing.INDEX)


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


def sign_rehearsal(work: Workplace, statement: bytes) -> str:
    """The service's signature over the manifest of a rehearsal."""
    return signing.sign(statement, work.service_key(), _REHEARSED)


def rehearsal_principal(work: Workplace) -> str:
    """The name under which the service signs rehearsals. Raises SignatureInvalid if the list does not let it."""
    probe = b"may this key sign rehearsals?"
    try:
        for namespace in (_REHEARSED_INDEX, _REHEARSED):
            signature = signing.sign(probe, work.service_key(), namespace)
            found = judge(work, probe, signature, namespace, work.now())
    except SignatureInvalid as error:
        raise SignatureInvalid(
            f"The service's key may not sign rehearsals: {error.message}",
            advice=f"Ask the keeper of {work.places.allowed_signers} to add {_REHEARSED} and {_REHEARSED_INDEX} to the "
            "service's line, and to give recipients the new list.",
        ) from None
    return found.principal


def sign_no_delivery(work: Workplace, document: bytes) -> str:
    """The service's signature over a notice that a delivery did not come."""
    return signing.sign(document, work.service_key(), signing.NO_DELIVERY)


def no_delivery_principal(work: Workplace) -> str:
    """The name under which the service signs such notices. Raises SignatureInvalid if the list does not let it."""
    probe = b"may this key sign notices of no delivery?"
    try:
        return judge(work, probe, sign_no_delivery(work, probe), signing.NO_DELIVERY, work.now()).principal
    except SignatureInvalid as error:
        raise SignatureInvalid(
            f"The service's key may not sign notices of no delivery: {error.message}",
            advice=f"Ask the keeper of {work.places.allowed_signers} to add {signing.NO_DELIVERY} to its line.",
        ) from None


def sign_page(work: Workplace, page: bytes) -> str:
    """The service's signature over a page that goes out."""
    return signing.sign(page, work.service_key(), signing.PAGE)


def page_signer(work: Workplace) -> str:
    """The name under which the service signs pages. Raises SignatureInvalid if the list does not let it."""
    probe = b"may this key sign pages?"
    signature = sign_page(work, probe)
    try:
        return judge(work, probe, signature, signing.PAGE, work.now()).principal
    except SignatureInvalid as error:
        raise SignatureInvalid(
            f"The service's key may not sign pages: {error.message}",
            advice=f"Ask the keeper of {work.places.allowed_signers} to add {signing.PAGE} to the service's line.",
        ) from None


def index_signer(work: Workplace) -> IndexSigner:
    """How index.json is signed and judged: by the service, at the time that it states."""
    return _index_signer(work, signing.INDEX)


def rehearsal_index_signer(work: Workplace) -> IndexSigner:
    """The same for the index of rehearsals, which never counts as one of deliveries."""
    return _index_signer(work, _REHEARSED_INDEX)


def _index_signer(work: Workplace, namespace: str) -> IndexSigner:
    from extracts.handover.dropzone.index import IndexSigner

    def check(data: bytes, signature: str, at: datetime) -> None:
        judge(work, data, signature, namespace, at)

    return IndexSigner(sign=lambda data: signing.sign(data, work.service_key(), namespace), check=check)
