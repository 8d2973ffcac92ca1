"""The briefing of a submitted request, and the requester's part of it before asking. Every count is told to the ledger.

Rules:
1. What was counted is turned into what may be told before anything is saved, shown or logged.
2. A briefing is kept with its digest, so that it can be shown later what was before the deciders.
3. Of an answer to "is it feasible?" nothing is saved but that it was asked, by whom, about which request: many
   questions that differ by little are how hidden numbers are found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.briefing import Briefing, Feasibility, briefing_from_document
from extracts.agreement.briefing_writing import Examination, write_briefing, write_feasibility
from extracts.agreement.request import Request, request_from_document
from extracts.documents import Document, read
from extracts.record.board_papers import BoardPaper, PaperKind, latest_paper, save_paper
from extracts.record.transaction import reading, unit_of_work
from extracts.steps.answered_before import held_already, similar_answers
from extracts.steps.pages_asked import asked_for
from extracts.steps.requests import Examined, check_document, examine, stored_examined, stored_request
from extracts.steps.source_counting import count_request, suppression_of

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Feasible:
    """A request file, examined, and what may be said about its feasibility."""

    examined: Examined
    feasibility: Feasibility


def check_feasibility(work: Workplace, file: Path, actor: str) -> Feasible:
    """Examine a request file and count it in the source. Raises InvalidDocument, SourceUnreachable, SourceChanged."""
    return feasibility_of(work, read(file), actor)


def feasibility_of(work: Workplace, document: Document, actor: str) -> Feasible:
    """The same for a request that was read already."""
    return _feasible(work, check_document(work, document), actor)


def feasibility_of_stored(work: Workplace, request_id: str, version: int | None, actor: str) -> Feasible:
    """The same for the newest (or a named) version on the register. Raises NotFound."""
    entry = stored_request(work, request_id, version)
    return _feasible(work, examine(work, request_from_document(dict(entry.document))), actor)


def feasibility_of_asked(work: Workplace, request: Request, actor: str) -> Feasible:
    """The same for a request whose requester asked, as the ledger tells; it need not be submitted. Raises NotFound."""
    asked_for(work, request.request_id, request.digest)
    return _feasible(work, examine(work, request), actor)


def _feasible(work: Workplace, examined: Examined, actor: str) -> Feasible:
    found = write_feasibility(_examination(work, examined), work.now())
    told = {"request_digest": found.request_digest, "answer_digest": found.digest}
    with unit_of_work(work.register) as unit:
        unit.event(work.now(), "feasibility.answered", found.request_id, actor, told)
    return Feasible(examined, found)


def briefing_of(work: Workplace, request_id: str, actor: str, *, afresh: bool = False) -> Briefing:
    """The newest briefing on the newest version of a request; written now if there is none, or if asked `afresh`.

    Raises NotFound, VerificationFailed, SourceUnreachable, SourceChanged.
    """
    entry = stored_request(work, request_id)
    with reading(work.register) as view:
        kept = latest_paper(view, request_id, entry.version, PaperKind.BRIEFING)
    if kept and not afresh:
        return briefing_from_document(kept.document)
    return _write(work, request_id, actor)


def _write(work: Workplace, request_id: str, actor: str) -> Briefing:
    examined = stored_examined(work, request_id)
    request, now = examined.request, work.now()
    found = _examination(work, examined)
    with reading(work.register) as view:
        held = held_already(view, request.recipient_ids)
        similar = similar_answers(view, request, work.parties)
    briefing = write_briefing(found, held, similar, now)
    paper = BoardPaper(request_id, request.version, PaperKind.BRIEFING, briefing.document(), now)
    told = {"version": request.version, "briefing_digest": paper.digest, "request_digest": request.digest}
    with unit_of_work(work.register) as unit:
        save_paper(unit, paper)
        unit.event(now, "briefing.written", request_id, actor, told)
    return briefing


def _examination(work: Workplace, examined: Examined) -> Examination:
    return Examination(
        request=examined.request,
        assessment=examined.assessment,
        plan=examined.plan,
        policy=work.policy,
        datasets=work.datasets,
        counts=count_request(work, examined.request),
        suppression=suppression_of(work),
    )
