"""Pages that go out signed: an answer to a request, or whether it can be had; each with the lines that verify it.

Rules:
1. A page is made from one document, shows its digest, and holds its very bytes; of a decision also the document that
   was signed, and its signatures. Whoever has the page alone can take them out and verify them.
2. The service signs the file as it is, in the namespace of pages. That vouches for where it came from; what was decided
   is vouched for by the two people's own signatures.
3. No page goes out that the pinned list of signers would not accept, or of which the ledger does not tell.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from extracts import signing
from extracts.agreement.columns_decided import ColumnFate
from extracts.agreement.decision import DecisionOutcome
from extracts.canonical import Canonical, digest_bytes
from extracts.errors import UsageError
from extracts.standalone.frame import render
from extracts.steps.answers import PAGE_NAME, Answered, SignedFile, answer_on, keep, note_signed
from extracts.steps.signers import judge, page_signer, sign_page

if TYPE_CHECKING:
    from extracts.steps.briefing import Feasible
    from extracts.steps.workplace import Workplace

OUTCOMES = {
    DecisionOutcome.APPROVE: ("✓", "Approved", "passed"),
    DecisionOutcome.APPROVE_IN_PART: ("●", "Approved in part", "unsure"),
    DecisionOutcome.RETURN: ("?", "Returned with questions", "unsure"),
    DecisionOutcome.REFUSE: ("✗", "Refused", "stopped"),
}
FATES = {
    ColumnFate.GRANTED: ("✓", "pass"),
    ColumnFate.REFUSED: ("✗", "fail"),
    ColumnFate.RETURNED: ("?", "unsure"),
    ColumnFate.OPEN: ("?", "unsure"),
}
HAD = {
    "held": ("✓", "pass"),
    "not held": ("✗", "fail"),
    "held, not shareable": ("✗", "fail"),
    "held, not in that form": ("●", "unsure"),
    "held, stale": ("◷", "unsure"),
}
_JSON, _TEXT = "application/json", "text/plain"


@dataclass(frozen=True)
class Part:
    """Something that the page holds as its very bytes, and that can be saved from it: by a link, or by a line."""

    id: str
    name: str
    words: str
    data: bytes
    kind: str = _JSON

    @property
    def link(self) -> str:
        """An address that is the file itself."""
        return f"data:{self.kind};base64,{base64.b64encode(self.data).decode()}"

    def taken_out(self, page: str) -> str:
        """The line that does what the link does."""
        return f'sed -n \'s/.*id="{self.id}".*;base64,\\([^"]*\\)".*/\\1/p\' {page} | base64 -d > {self.name}'


@dataclass(frozen=True)
class Seal:
    """How a page says that it can be verified. `signer`: the service's name in the list of signers."""

    file: str
    signer: str
    made_at: datetime
    document: Part
    digest: str
    parts: tuple[Part, ...] = ()
    signed: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The one line that verifies the page."""
        return verify_line(self.signer, signing.PAGE, self.made_at, f"{self.file}.sig", self.file)

    @property
    def compare(self) -> str:
        """The lines that take the document out and say its digest."""
        return f"{self.document.taken_out(self.file)}\nsha256sum {self.document.name}"

    @property
    def take_out(self) -> str:
        """The lines that take out what people signed, and their signatures."""
        return "\n".join(part.taken_out(self.file) for part in self.parts)

    @property
    def readable(self) -> str:
        """The document, indented."""
        return json.dumps(json.loads(self.document.data), indent=2, ensure_ascii=False)


def verify_line(signer: str, namespace: str, at: datetime, signature: str, document: str) -> str:
    """One `ssh-keygen` line, judged at the time at which it was signed."""
    when = f"-Overify-time={at.astimezone(UTC):%Y%m%d%H%M%S}Z"
    who = f"-f allowed_signers -I {shlex.quote(signer)} -n {namespace}"
    return f"ssh-keygen -Y verify {who} {when} -s {signature} < {document}"


def answer_page(work: Workplace, request_id: str, actor: str, version: int | None = None, file: str = "") -> SignedFile:
    """The answer to a version, signed, told to the ledger and kept. Raises NotFound, SignatureInvalid, UsageError."""
    answered = answer_on(work, request_id, version)
    answer = answered.answer
    name = checked_name(file or f"{request_id}-v{answer.request_version}-answer.html")
    seal = _seal(work, name, answer.made_at, answer, _signed_parts(answered))
    page = render(
        "answer_page.html",
        style="signed_page.css",
        title=f"{OUTCOMES[answer.outcome][1]}: {answer.title}",
        answer=answer,
        outcome=OUTCOMES[answer.outcome],
        fates=FATES,
        seal=seal,
    )
    made = _sign(work, seal, page, "answer", request_id, answer.request_version)
    note_signed(work, made, actor)
    keep(work, made, answer.decision_digest)
    return made


def feasibility_page(work: Workplace, found: Feasible, actor: str, file: str = "") -> SignedFile:
    """Whether it can be had, signed and told to the ledger. Raises SignatureInvalid, UsageError."""
    told, request = found.feasibility, found.examined.request
    name = checked_name(file or f"{request.request_id}-v{request.version}-feasibility.html")
    seal = _seal(work, name, told.checked_at, told, {})
    page = render(
        "feasibility_page.html",
        style="signed_page.css",
        title=f"Can it be had? {request.title}",
        told=told,
        request=request,
        had=HAD,
        seal=seal,
    )
    made = _sign(work, seal, page, "feasibility", request.request_id, request.version)
    note_signed(work, made, actor)
    return made


def checked_name(name: str) -> str:
    """The name of a page's file, which stands in the lines that verify it. Raises UsageError."""
    if not PAGE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a signed page.",
            advice="It is typed into commands: use letters, digits, '.', '_' and '-', and end it in .html.",
        )
    return name


def _seal(
    work: Workplace, file: str, made_at: datetime, document: Canonical, signed: Mapping[str, tuple[Part, str]]
) -> Seal:
    stem = file.removesuffix(".html")
    part = Part("page-document", f"{stem}.json", "The document that this page was made from", document.canonical())
    parts, lines = [p for p, _ in signed.values()], [line for _, line in signed.values() if line]
    return Seal(file, page_signer(work), made_at, part, document.digest, tuple(parts), tuple(lines))


def _signed_parts(answered: Answered) -> dict[str, tuple[Part, str]]:
    """The decision, and each signature with the line that verifies it."""
    answer = answered.answer
    stem = f"{answer.request_id}-v{answer.request_version}"
    decision = Part(
        "signed-decision", f"{stem}.decision.json", "The decision, as it was signed", answered.decision.canonical()
    )
    found: dict[str, tuple[Part, str]] = {"decision": (decision, "")}
    for who, entry in zip(answer.signed_by, answered.signatures, strict=True):
        name = f"{stem}.decision.{who.role}.sig"
        part = Part(f"signature-{who.role}", name, f"The signature for the {who.role}", entry.signature.encode(), _TEXT)
        found[who.role] = (part, verify_line(who.principal, who.namespace, who.recorded_at, name, decision.name))
    return found


def _sign(work: Workplace, seal: Seal, page: str, kind: str, request_id: str, version: int) -> SignedFile:
    data: bytes = page.encode()
    signature = sign_page(work, data)
    judge(work, data, signature, signing.PAGE, seal.made_at)
    made: dict[str, Any] = {"kind": kind, "request_id": request_id, "version": version}
    return SignedFile(seal.file, data, signature, document_digest=digest_bytes(seal.document.data), **made)
