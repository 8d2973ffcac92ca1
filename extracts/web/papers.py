"""What the request's page shows to people of this house alone: the briefing and the reviewers' answers.

Rules:
1. They are shown to whoever `parties.yaml` declares and who is no outsider: the briefing tells what other bodies hold
   and were answered, and an answer is advice to those who decide.
2. The briefing is shown as it was kept, for that is what was before the deciders: opening a page counts nothing.
3. A briefing of which the ledger does not tell is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from extracts.agreement.briefing import Briefing, DatasetBriefing, Told, briefing_from_document
from extracts.agreement.source_counts import RowFate
from extracts.errors import VerificationFailed
from extracts.record import ledger
from extracts.record.board_papers import BoardPaper, PaperKind, latest_paper
from extracts.record.entries import RequestEntry
from extracts.record.transaction import Reading
from extracts.web.marks import Mark, availability_mark, verdict_mark

_WORDS = {
    RowFate.EXPECTED: "would be delivered",
    RowFate.ASKED_ABOUT: "would stop the run: people to be asked about",
    RowFate.WITHHELD: "would be withheld (safe address)",
    RowFate.ON_HOLD: "on hold, and left out",
}


@dataclass(frozen=True)
class BriefingShown:
    """The newest briefing on a version, and the event by which the ledger tells of it."""

    briefing: Briefing
    written_at: datetime
    event: int

    def cells(self, dataset: DatasetBriefing) -> list[tuple[str, Told, bool]]:
        """(what, counts, whether it is a part of the line above) of the rows of a dataset."""
        if dataset.source is None or dataset.matching is None:
            return []
        whole = [("in the source", dataset.source, False), ("of these asked for", dataset.matching, False)]
        return whole + [(words, dataset.fates[fate], True) for fate, words in _WORDS.items() if fate in dataset.fates]

    @property
    def columns(self) -> list[tuple[object, Mark]]:
        """Each column with the answer as a mark."""
        return [(c, availability_mark(c.answer.answer)) for c in self.briefing.columns]

    def may_leave(self, may: bool) -> Mark:
        """Whether such a grouping would pass."""
        return verdict_mark(may, "large enough", "too small")


def briefing_shown(view: Reading, entry: RequestEntry) -> BriefingShown | None:
    """The newest briefing on this version; None if none was written. Raises VerificationFailed."""
    paper = latest_paper(view, entry.request_id, entry.version, PaperKind.BRIEFING)
    if paper is None:
        return None
    return BriefingShown(briefing_from_document(paper.document), paper.written_at, _told(view, paper))


def _told(view: Reading, paper: BoardPaper) -> int:
    events = ledger.events(view.connection, subject=paper.request_id, kind="briefing.written", newest_first=True)
    found = next((e.sequence for e in events if e.payload.get("briefing_digest") == paper.digest), None)
    if found is None:
        raise VerificationFailed(
            f"The ledger tells of no such briefing on {paper.request_id} version {paper.version}.",
            advice="Ask the keeper of the register: a row was put there past the software.",
        )
    return found
