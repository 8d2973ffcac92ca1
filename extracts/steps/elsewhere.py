"""Registers agreements that run elsewhere, corrects and ends them, and holds a paper against its recorded digest.

Rules:
1. Board, Controller, data protection officer and engineer keep them; an owner corrects and ends their own. Whoever else
   tries is refused, and the ledger is told.
2. Every revision has its event in the same transaction: digests and names of fields, nothing that was typed.
3. A scan is read to its end and not kept: its SHA-256 is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.agreement.elsewhere import EXAMPLE, ElsewhereTerms, changes, elsewhere_terms, is_elsewhere_id
from extracts.catalogue.forms import readable
from extracts.catalogue.people import Role
from extracts.errors import IllegalTransition, NotPermitted, UsageError, VerificationFailed
from extracts.record.elsewhere import ElsewhereEntry, elsewhere_history, get_elsewhere, save_revision
from extracts.record.transaction import Work, reading, unit_of_work
from extracts.steps.actor import names_of
from extracts.steps.turned_away import told_if_refused

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

KEEPERS = (Role.BOARD, Role.CONTROLLER, Role.DATA_PROTECTION_OFFICER, Role.ENGINEER)
REFUSED = "elsewhere.refused"
_ADDED, _CORRECTED, _ENDED = "elsewhere.added", "elsewhere.corrected", "elsewhere.ended"


def add_elsewhere(work: Workplace, elsewhere_id: str, values: Mapping[str, Any], actor: str) -> ElsewhereEntry:
    """A new entry. Raises NotPermitted, InvalidDocument, UsageError; Refused if the id is taken."""
    _check_id(elsewhere_id)
    with told_if_refused(work, REFUSED, elsewhere_id, actor, tried="add"):
        _may_keep(work, actor)
        entry = _entry(work, elsewhere_id, 1, elsewhere_terms(values, work.parties), actor)
        with unit_of_work(work.register) as unit:
            _save(unit, entry, _ADDED, ())
        return entry


def correct_elsewhere(
    work: Workplace, elsewhere_id: str, values: Mapping[str, Any], reasons: str, actor: str
) -> ElsewhereEntry:
    """A further revision, in which these values are others. Raises IllegalTransition once it has ended; UsageError if
    nothing is corrected; the rest as `add_elsewhere`."""
    _check_id(elsewhere_id)
    with told_if_refused(work, REFUSED, elsewhere_id, actor, tried="correct"), unit_of_work(work.register) as unit:
        before = _changeable(work, unit, elsewhere_id, actor)
        given = {name: value for name, value in values.items() if value not in (None, "", ())}
        merged = _named_again(work, before.terms, given) | given | {"reasons": readable("reasons", reasons)}
        return _revise(work, unit, before, elsewhere_terms(merged, work.parties), _CORRECTED, actor)


def end_elsewhere(
    work: Workplace, elsewhere_id: str, reasons: str, actor: str, on: date | None = None
) -> ElsewhereEntry:
    """Its end, today or on a day that is past. Raises as `correct_elsewhere`."""
    _check_id(elsewhere_id)
    day = on or work.today()
    if day > work.today():
        raise UsageError(f"{day} has not come yet.", advice="To end it later, correct its last day.")
    with told_if_refused(work, REFUSED, elsewhere_id, actor, tried="end"), unit_of_work(work.register) as unit:
        before = _changeable(work, unit, elsewhere_id, actor)
        if day < before.terms.valid_from:
            raise UsageError(f"{elsewhere_id} begins on {before.terms.valid_from}: it cannot have ended on {day}.")
        terms = before.terms.model_copy(update={"ended_on": day, "reasons": readable("reasons", reasons)})
        return _revise(work, unit, before, terms, _ENDED, actor)


def scan_digest(file: Path) -> str:
    """`sha256:<hex>` of a scan. Raises UsageError for what cannot be read, is no file, or holds nothing."""
    if file.exists() and not file.is_file():
        raise UsageError(f"{file} is no file.", advice="Name the scanned agreement itself.")
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256")
            size = stream.tell()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}).", advice="Name the scanned agreement.") from None
    if not size:
        raise UsageError(f"{file} is empty.", advice="Scan the agreement again.")
    return f"sha256:{found.hexdigest()}"


def verify_scan(work: Workplace, elsewhere_id: str, file: Path) -> ElsewhereEntry:
    """The newest revision, whose recorded digest is this file's. Raises VerificationFailed if it is not."""
    found = scan_digest(file)
    with reading(work.register) as view:
        history = elsewhere_history(view, elsewhere_id)
    if found == history[-1].terms.scan_digest:
        return history[-1]
    older = [e.revision for e in history if e.terms.scan_digest == found]
    before = f" It is the scan of revision {older[-1]}, which was corrected." if older else ""
    raise VerificationFailed(
        f"{file} is not the scan that is recorded for {elsewhere_id}: its digest is {found}, "
        f"recorded is {history[-1].terms.scan_digest}.{before}",
        advice=f"Ask {history[-1].terms.owner} for the agreement as it was signed.",
    )


def _check_id(elsewhere_id: str) -> None:
    if not is_elsewhere_id(elsewhere_id):
        raise UsageError(
            "That is no id of an agreement that runs elsewhere.", advice=f"Write it as {EXAMPLE}: year and number."
        )


def _may_keep(work: Workplace, actor: str, owner: str = "") -> None:
    name = names_of(actor)[-1]
    found, today = work.parties.principal(name), work.today()
    if found and (found.id == owner or any(found.has_role(role, today) for role in KEEPERS)):
        return
    raise NotPermitted(
        f"{name} may not do this: Board, Controller, data protection officer and engineer register agreements that run "
        "elsewhere, and owners correct and end their own.",
        advice="Say who acts with --as-user; roles are declared in parties.yaml.",
    )


def _changeable(work: Workplace, unit: Work, elsewhere_id: str, actor: str) -> ElsewhereEntry:
    """The newest revision, which may be followed by another one."""
    before = get_elsewhere(unit, elsewhere_id)
    _may_keep(work, actor, before.terms.owner)
    if before.terms.ended_on:
        raise IllegalTransition(
            f"{elsewhere_id} was ended on {before.terms.ended_on}; what has ended is not changed.",
            advice="Register what goes on under an id of its own.",
        )
    return before


def _named_again(work: Workplace, terms: ElsewhereTerms, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they were given, without the recipient if another one is named."""
    values = {n: v for n, v in terms.document().items() if n not in ("recipient", "reasons")}
    if "recipient" in given or "recipient_name" in given:
        return values
    name = "recipient" if terms.recipient in work.parties.recipients else "recipient_name"
    return values | {name: terms.recipient}


def _revise(
    work: Workplace, unit: Work, before: ElsewhereEntry, terms: ElsewhereTerms, kind: str, actor: str
) -> ElsewhereEntry:
    changed = tuple(field for field, _, _ in changes(before.terms, terms))
    if not changed:
        raise UsageError(f"{before.elsewhere_id} says that already; nothing was changed.", advice="Name what is other.")
    entry = _entry(work, before.elsewhere_id, before.revision + 1, terms, actor)
    _save(unit, entry, kind, changed)
    return entry


def _entry(work: Workplace, elsewhere_id: str, revision: int, terms: ElsewhereTerms, actor: str) -> ElsewhereEntry:
    return ElsewhereEntry(elsewhere_id, revision, terms, actor, work.now())


def _save(unit: Work, entry: ElsewhereEntry, kind: str, changed: tuple[str, ...]) -> None:
    save_revision(unit, entry)
    told = {"revision": entry.revision, "digest": entry.digest, "scan_digest": entry.terms.scan_digest}
    more = {"changed": list(changed)} if changed else {}
    unit.event(entry.recorded_at, kind, entry.elsewhere_id, entry.recorded_by, told | more)
