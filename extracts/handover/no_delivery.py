"""The signed notice of no delivery, as it lies in an agreement's folder of the transfer area.

    no-delivery.<period>.json          this document, readable
    no-delivery.<period>.json.sig      its signature in `extract-no-delivery`, by the service

Rules:
1. One for each agreement and period. It is taken away when the delivery comes, and does not count beside one.
2. It is judged like a manifest: by the verifier's own list of signers, at the time that it states, which is not in the
   future; its document is in its one form.
3. It is about the agreement and period in whose name it lies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from extracts import signing
from extracts.canonical import canonical_json, plain
from extracts.errors import InvalidDocument, Problem, SignatureInvalid, VerificationFailed
from extracts.handover.armour import is_exact_armour
from extracts.handover.facts import Fact
from extracts.handover.findings import Finding, checked, failed
from extracts.handover.manifest import CLOCKS_DIFFER_BY
from extracts.handover.receipt import Id
from extracts.handover.statement import read_json, readable_json
from extracts.handover.trust import Judge

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "governed-extracts/no-delivery/1"
MAX_BYTES = 64 << 10
_NAME = re.compile(r"no-delivery\.([A-Za-z0-9][A-Za-z0-9-]{0,30})\.json")
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=2000)]


@dataclass(frozen=True)
class NoDelivery(Fact):
    """What it says. `next_due` is null where nothing more is planned; `says` is the whole in words."""

    recipient: Id
    request_id: Id
    period: Id
    due_on: date
    reason: Text
    says: Text
    next_due: date | None
    contact: Text
    signer: Text
    at: datetime
    format: str = FORMAT

    def text(self) -> bytes:
        """The bytes that are signed."""
        return readable_json(plain(asdict(self)))


def file_name(period: str) -> str:
    """Under which name it lies."""
    return f"no-delivery.{period}.json"


def period_in(name: str) -> str:
    """The period in a file's name; empty if it is no such name."""
    found = _NAME.fullmatch(name)
    return found[1] if found else ""


def is_ours(name: str) -> bool:
    """Whether a file's name is that of such a notice, or of its signature."""
    return bool(period_in(name.removesuffix(".sig")))


def read_no_delivery(data: bytes, source: str) -> NoDelivery:
    """The notice in `data`. Raises InvalidDocument."""
    from pydantic import ValidationError

    if len(data) > MAX_BYTES:
        raise InvalidDocument(source, [Problem("file", f"is larger than {MAX_BYTES} bytes")])
    try:
        found = _adapter().validate_json(canonical_json(read_json(data, source)))
    except ValidationError as error:
        problems = [Problem(".".join(str(p) for p in e["loc"]), e["msg"]) for e in error.errors(include_input=False)]
        raise InvalidDocument(source, problems) from None
    if found.format != FORMAT or found.text() != data:
        raise InvalidDocument(source, [Problem("file", f"is not in the one form of {FORMAT}")])
    return found


def believed(name: str, data: bytes, signature: bytes, request_id: str, judge: Judge, now: datetime) -> NoDelivery:
    """The notice of this name in an agreement's folder. Raises VerificationFailed, saying what to do."""
    try:
        if not is_exact_armour(signature):
            raise SignatureInvalid(
                "its signature is missing, or not as ssh-keygen writes it",
                advice="Ask the contact whether it is theirs.",
            )
        found = read_no_delivery(data, name)
        signed = judge(data, signature.decode("ascii"), signing.NO_DELIVERY, found.at)
    except (SignatureInvalid, InvalidDocument) as error:
        raise _not_believed(name, error.message) from None
    if (found.request_id, file_name(found.period)) != (request_id, name):
        raise _not_believed(name, "it is about another agreement or period than its place says")
    if signed.principal != found.signer or found.at > now + CLOCKS_DIFFER_BY:
        raise _not_believed(name, "it names another signer than the one who signed, or a time in the future")
    return found


def finding(name: str, documents: Mapping[str, bytes], request_id: str, judge: Judge, now: datetime) -> Finding:
    """What holds of the notice of this name, among a folder's documents."""
    try:
        told = believed(name, documents[name], documents.get(f"{name}.sig", b""), request_id, judge, now)
    except VerificationFailed as error:
        return failed(error.message.partition(": ")[2], name)
    return checked(f"is signed by {told.signer}: {told.says}", name)


def _not_believed(name: str, why: str) -> VerificationFailed:
    return VerificationFailed(
        f"{name} does not count: {why}",
        advice="Somebody else may have put it there. Ask the contact whether the delivery comes, and report it.",
    )


@cache
def _adapter() -> TypeAdapter[NoDelivery]:
    from pydantic import TypeAdapter

    return TypeAdapter(NoDelivery)
