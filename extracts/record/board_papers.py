"""The register's papers for the Board: briefings and counter-offers, kept with the digest that the ledger names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from extracts.canonical import digest
from extracts.record.requests import get_request
from extracts.record.stored import document_of, fresh, insert_once, text_of
from extracts.record.tables.requests import BoardPaperRow
from extracts.record.transaction import Reading, Work


class PaperKind(StrEnum):
    """What a paper is."""

    BRIEFING = "briefing"
    COUNTER_OFFER = "counter-offer"


@dataclass(frozen=True)
class BoardPaper:
    """One paper about one version of a request."""

    request_id: str
    version: int
    kind: PaperKind
    document: Mapping[str, Any] = field(repr=False)
    written_at: datetime

    @property
    def digest(self) -> str:
        """The digest by which the ledger names it."""
        return digest(self.document)


def save_paper(work: Work, paper: BoardPaper) -> bool:
    """Saves a paper; whether it is new. Raises NotFound if the request is not there."""
    get_request(work, paper.request_id, paper.version)
    values = {
        "digest": paper.digest,
        "request_id": paper.request_id,
        "version": paper.version,
        "kind": paper.kind.value,
        "document": text_of(paper.document),
        "written_at": paper.written_at,
    }
    return insert_once(work, BoardPaperRow, values)


def latest_paper(reading: Reading, request_id: str, version: int, kind: PaperKind) -> BoardPaper | None:
    """The newest paper of a kind about a version, if there is one. Raises VerificationFailed."""
    paper = BoardPaperRow
    here = (paper.request_id == request_id) & (paper.version == version) & (paper.kind == kind.value)
    row = fresh(reading.session, select(paper).where(here).order_by(paper.written_at.desc(), paper.digest).limit(1))
    if row is None:
        return None
    document = document_of(row.document, row.digest, f"a {kind} on {request_id}")
    return BoardPaper(request_id, version, kind, document, row.written_at)
