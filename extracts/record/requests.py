"""The register's requests: what was asked, its status, and what the policy found in it.

Which statuses there are, and who may move a request from one to the next, is decided in `agreement/status`; here a
change is made only if the request still has the status that the decider saw.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import aliased

from extracts.errors import IllegalTransition, NotFound, Refused
from extracts.record.entries import AssessmentEntry, RequestEntry, StatusChange
from extracts.record.stored import document_of, fresh, insert_once, one_of, text_of
from extracts.record.tables.requests import AssessmentRow, RequestRow, StatusChangeRow
from extracts.record.transaction import Reading, Work


def save_request(work: Work, entry: RequestEntry, *, actor: str) -> bool:
    """Saves a version of a request; whether it is new (the same again changes nothing).

    Raises Refused if this version is there with another document: what was submitted is never edited.
    """
    values = {name: getattr(entry, name) for name in _COLUMNS}
    if insert_once(work, RequestRow, values | {"document": text_of(entry.document)}):
        _note_status(work, entry.request_id, entry.version, "", entry.status, entry.submitted_at, actor, "")
        return True
    there = get_request(work, entry.request_id, entry.version)
    if there.digest != entry.digest:
        raise Refused(
            f"Request {entry.request_id} version {entry.version} was submitted with other content "
            f"({there.digest}) than this ({entry.digest}).",
            advice="Submit the change as a higher version.",
        )
    return False


def get_request(reading: Reading, request_id: str, version: int | None = None) -> RequestEntry:
    """A version of a request, the highest if none is named. Raises NotFound, VerificationFailed."""
    query = select(RequestRow).where(RequestRow.request_id == request_id).order_by(RequestRow.version.desc()).limit(1)
    if version is not None:
        query = query.where(RequestRow.version == version)
    row = fresh(reading.session, query)
    if row is None:
        raise _not_found(request_id, version)
    return _entry(row)


def list_requests(
    reading: Reading, *, statuses: Collection[str] = (), recipient: str = "", latest_only: bool = False
) -> tuple[RequestEntry, ...]:
    """Requests by id and version; all versions, since an approved one stays in force while the next is examined."""
    query = select(RequestRow).order_by(RequestRow.request_id, RequestRow.version)
    if statuses:
        query = query.where(RequestRow.status.in_(statuses))
    if recipient:
        query = query.where(RequestRow.recipients.contains([recipient]))
    if latest_only:
        other = aliased(RequestRow)
        query = query.where(
            ~exists().where(other.request_id == RequestRow.request_id, other.version > RequestRow.version)
        )
    return tuple(_entry(row) for row in reading.session.scalars(query))


def request_ids(reading: Reading) -> tuple[str, ...]:
    """The id of every request, once."""
    return tuple(reading.session.scalars(select(RequestRow.request_id).distinct()))


def set_status(
    work: Work,
    request_id: str,
    version: int,
    *,
    expected: str,
    status: str,
    at: datetime,
    actor: str,
    comment: str = "",
) -> None:
    """Moves a request from status `expected` to `status`. Raises IllegalTransition if it has another by now."""
    here = (RequestRow.request_id == request_id) & (RequestRow.version == version) & (RequestRow.status == expected)
    moved = update(RequestRow).where(here).values(status=status).returning(RequestRow.version)
    if work.writing().execute(moved).first() is None:
        raise _not_in_status(work, request_id, version, expected)
    _note_status(work, request_id, version, expected, status, at, actor, comment)


def lock_request(work: Work, request_id: str, version: int) -> RequestEntry:
    """The request, which nobody else changes or locks until this transaction ends. Raises NotFound."""
    here = (RequestRow.request_id == request_id) & (RequestRow.version == version)
    work.session.execute(select(RequestRow.status).where(here).with_for_update())
    return get_request(work, request_id, version)


def hold_status(work: Work, request_id: str, version: int, expected: str) -> None:
    """Makes sure that the status is `expected` and stays so until this transaction ends.

    Raises IllegalTransition otherwise. A release asks this first, so that a revocation comes before or after it, never
    in between.
    """
    here = (RequestRow.request_id == request_id) & (RequestRow.version == version)
    status = work.session.scalar(select(RequestRow.status).where(here).with_for_update(read=True))
    if status != expected:
        raise _not_in_status(work, request_id, version, expected)


def status_history(reading: Reading, request_id: str, version: int | None = None) -> tuple[StatusChange, ...]:
    """Every change of status, oldest first; of one version or of all."""
    change = StatusChangeRow
    query = select(change).where(change.request_id == request_id).order_by(change.version, change.number)
    if version is not None:
        query = query.where(change.version == version)
    return tuple(_status_change(row) for row in reading.session.scalars(query))


def status_histories(reading: Reading, request_ids: Collection[str] | None = None) -> dict[str, list[StatusChange]]:
    """Every change of status of these requests, or of all, by request id; oldest first within each version."""
    change = StatusChangeRow
    columns = [getattr(change, name) for name in StatusChange.__dataclass_fields__]
    query = select(*columns).order_by(change.request_id, change.version, change.number)
    if request_ids is not None:
        query = query.where(one_of(change.request_id, request_ids))
    found: dict[str, list[StatusChange]] = {}
    for row in reading.session.execute(query):
        found.setdefault(row.request_id, []).append(StatusChange(*row))
    return found


def save_assessment(work: Work, entry: AssessmentEntry) -> bool:
    """Saves what the policy found; whether it is new. Raises NotFound if the request is not there."""
    get_request(work, entry.request_id, entry.version)
    values = {
        "digest": entry.digest,
        "request_id": entry.request_id,
        "version": entry.version,
        "policy_version": entry.policy_version,
        "passed": entry.passed,
        "document": text_of(entry.document),
        "assessed_at": entry.assessed_at,
    }
    return insert_once(work, AssessmentRow, values)


def get_assessment(reading: Reading, request_id: str, version: int, digest: str) -> AssessmentEntry:
    """The assessment of a version of a request that has this digest. Raises NotFound, VerificationFailed."""
    here = (AssessmentRow.request_id == request_id) & (AssessmentRow.version == version)
    row = fresh(reading.session, select(AssessmentRow).where(here, AssessmentRow.digest == digest))
    if row is None:
        raise NotFound(f"No assessment {digest} of {request_id} version {version} is in the register.")
    return _assessment(row)


def list_assessments(reading: Reading, request_id: str, version: int) -> tuple[AssessmentEntry, ...]:
    """Every assessment of a version of a request, oldest first. Raises VerificationFailed."""
    here = (AssessmentRow.request_id == request_id) & (AssessmentRow.version == version)
    query = select(AssessmentRow).where(here).order_by(AssessmentRow.assessed_at, AssessmentRow.digest)
    return tuple(_assessment(row) for row in reading.session.scalars(query))


_COLUMNS = (
    "request_id",
    "version",
    "title",
    "requester_organisation",
    "requester_name",
    "recipient",
    "status",
    "digest",
    "submitted_at",
)


def _entry(row: RequestRow) -> RequestEntry:
    document = document_of(row.document, row.digest, f"request {row.request_id} version {row.version}")
    values = {name: getattr(row, name) for name in _COLUMNS if name != "digest"}
    return RequestEntry(document=document, **values)


def _assessment(row: AssessmentRow) -> AssessmentEntry:
    document = document_of(row.document, row.digest, f"an assessment of {row.request_id}")
    return AssessmentEntry(row.request_id, row.version, row.policy_version, row.passed, document, row.assessed_at)


def _status_change(row: StatusChangeRow) -> StatusChange:
    return StatusChange(**{name: getattr(row, name) for name in StatusChange.__dataclass_fields__})


def _note_status(
    work: Work, request_id: str, version: int, before: str, after: str, at: datetime, actor: str, comment: str
) -> None:
    # The row of the request is locked by now, so two changes never count to the same number.
    here = (StatusChangeRow.request_id == request_id) & (StatusChangeRow.version == version)
    number = (work.session.scalar(select(func.max(StatusChangeRow.number)).where(here)) or 0) + 1
    change = StatusChangeRow(
        request_id=request_id,
        version=version,
        number=number,
        from_status=before,
        to_status=after,
        at=at,
        actor=actor,
        comment=comment,
    )
    work.writing().add(change)
    work.session.flush()


def _not_in_status(reading: Reading, request_id: str, version: int, expected: str) -> IllegalTransition:
    status = get_request(reading, request_id, version).status
    return IllegalTransition(
        f"Request {request_id} version {version} is {status}, not {expected}.",
        advice="Somebody may have changed it meanwhile; look at it again.",
    )


def _not_found(request_id: str, version: int | None) -> NotFound:
    which = f"{request_id!r}" + (f" version {version}" if version is not None else "")
    return NotFound(f"No request {which} is in the register.", advice="`extracts request list` shows what there is.")
