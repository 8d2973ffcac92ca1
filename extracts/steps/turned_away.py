"""Tells the ledger of what was refused to somebody, whatever face they came by.

Rules:
1. A refusal is recorded with who was refused, what they tried, and why, in this software's own words: its messages are
   made of ids, declared names and dates. Nothing of what was handed in is kept.
2. Recording changes nothing else, and a refusal that cannot be recorded stays a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extracts.errors import (
    ExtractsError,
    IllegalTransition,
    InvalidDocument,
    NotPermitted,
    PlanRefused,
    Refused,
    SignatureInvalid,
    SignerUnknown,
)
from extracts.record.transaction import unit_of_work

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_LONGEST = 400
# The most particular first: a class stands before its parent.
_REASONS: tuple[tuple[type[ExtractsError], str], ...] = (
    (SignerUnknown, "no listed signer"),
    (SignatureInvalid, "the signature does not hold"),
    (PlanRefused, "the policy stops it"),
    (NotPermitted, "not permitted to this person"),
    (IllegalTransition, "not possible in its status"),
    (InvalidDocument, "cannot be read"),
    (Refused, "not possible now"),
)


@contextmanager
def told_if_refused(work: Workplace, kind: str, subject: str, actor: str, **told: object) -> Iterator[None]:
    """Whatever is refused inside is told to the ledger as an event of this kind, and raised all the same."""
    try:
        yield
    except (Refused, InvalidDocument) as error:
        # What a document's faults quote was typed by somebody; that it cannot be read says enough.
        said = {} if isinstance(error, InvalidDocument) else {"said": error.message}
        note_refusal(work, kind, subject, actor, {**told, "reason": reason_of(error), **said})
        raise


def note_refusal(work: Workplace, kind: str, subject: str, actor: str, told: dict[str, object]) -> None:
    """One event. Raises TechnicalFailure, SettingMissing."""
    short = {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in told.items()}
    with unit_of_work(work.register) as unit:
        unit.event(work.now(), kind, subject, printable(actor), short)


def reason_of(error: ExtractsError) -> str:
    """Why, in a few words that stay the same whatever the message says."""
    return next(words for kind, words in _REASONS if isinstance(error, kind))


def printable(name: str) -> str:
    """A name as an event takes it, whatever was sent as one."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", name)[:200] or "unknown"
