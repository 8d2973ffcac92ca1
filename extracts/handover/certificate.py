"""The certificate of destruction: the recipient's signed statement that every copy of deliveries is gone.

    <name>.destroyed.json          this document, in canonical form as the tool writes it
    <name>.destroyed.json.sig      its signature in `extract-destroyed`, by a receipt key of the recipient

Rules:
1. One certificate may cover many deliveries: each by id and by the digest of its manifest, each once.
2. It says how (`method`), that every copy is covered (`all_copies`), by whom and when; without any of these it is none.
3. `method` and `by` are short and plain: they are read by people and repeated nowhere but in the certificate itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from extracts.canonical import canonical_json
from extracts.errors import InvalidDocument, Problem
from extracts.handover.facts import Fact
from extracts.handover.receipt import Digest, Id, Tool, read_strictly
from extracts.handover.receipt_rules import Left, Objection, time_objection

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "governed-extracts/destroyed/1"
SUFFIX = ".destroyed.json"
MOST = 1_000
Words = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]


@dataclass(frozen=True)
class DestroyedDelivery(Fact):
    """One delivery that is gone."""

    delivery_id: Id
    manifest_digest: Digest


@dataclass(frozen=True)
class Certificate(Fact):
    """What the recipient says. `destroyed_at`: when the last copy was destroyed; `at`: when this was written."""

    recipient: Id
    deliveries: Annotated[tuple[DestroyedDelivery, ...], Field(min_length=1, max_length=MOST)]
    method: Words
    all_copies: Literal[True]
    by: Words
    destroyed_at: AwareDatetime
    at: AwareDatetime
    tool: Tool
    format: str = FORMAT

    def text(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(asdict(self))


def read_certificate(data: bytes, source: str = "certificate") -> Certificate:
    """The certificate in `data`. Raises InvalidDocument, which repeats nothing of what was written."""
    certificate: Certificate = read_strictly(_adapter(), data, source)
    ids = [d.delivery_id for d in certificate.deliveries]
    if certificate.format != FORMAT or len(set(ids)) != len(ids):
        raise InvalidDocument(source, [Problem("file", f"is not {FORMAT}, or names a delivery twice")])
    return certificate


def certificate_objection(
    certificate: Certificate, recipient: str, left: Mapping[str, Left], now: datetime
) -> Objection | None:
    """Why it is refused, all of it: a certificate of which one part is wrong is not believed in the others."""
    if certificate.recipient != recipient:
        return Objection.FOREIGN
    for told in certificate.deliveries:
        known = left.get(told.delivery_id)
        if known is None or known.recipient != recipient:
            return Objection.UNKNOWN
        if told.manifest_digest != known.manifest_digest:
            return Objection.MISMATCHED
        if found := time_objection(certificate.destroyed_at, known.published_at, now):
            return found
    return time_objection(certificate.at, certificate.destroyed_at, now)


@cache
def _adapter() -> TypeAdapter[Certificate]:
    from pydantic import TypeAdapter

    return TypeAdapter(Certificate)
