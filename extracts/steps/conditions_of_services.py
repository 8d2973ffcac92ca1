"""How the servers are: register, transfer area, sources, and what each agreement in force would find there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from extracts.agreement.status import Status
from extracts.catalogue.contract import SourceKind
from extracts.errors import Refused
from extracts.steps.conditions import Condition, look_at

if TYPE_CHECKING:
    from extracts.handover.dropzone.sftp import SftpDropZone
    from extracts.steps.workplace import Workplace


def register_condition(work: Workplace) -> str:
    """Reachable, migrated, and its ledger protected. Raises Refused, SettingMissing, TechnicalFailure."""
    from extracts.record import ledger
    from extracts.record.migrations import pending
    from extracts.record.rights import protection_problems
    from extracts.record.transaction import reading

    missing = pending(work.register, work.places.sql / "register")
    if missing:
        raise Refused(f"Migrations are missing: {', '.join(missing)}.", advice="Run `extracts register migrate`.")
    with reading(work.register) as view:
        if problems := protection_problems(view):
            raise Refused(
                f"The ledger is not protected: {'; '.join(problems)}.", advice="Ask the database administrator."
            )
        return f"reachable and protected; the ledger has {ledger.head(view.connection).sequence:,} events"


def transfer_conditions(work: Workplace) -> Iterator[Condition]:
    """An SFTP transfer area: reached, known by its pinned key, writable, with a room for everyone who is sent anything.

    A drop zone that is a folder is looked at with the other folders.
    """
    from extracts.handover.dropzone.sftp import SftpDropZone
    from extracts.handover.dropzone.sftp_address import SftpAddress

    place = work.places.drop_zone
    if not isinstance(place, SftpAddress):
        return
    zone = SftpDropZone(place)
    reached = look_at("transfer area", lambda: _reach(zone))
    yield reached
    if reached.passed:
        yield look_at("rooms of recipients", lambda: _rooms(work, zone))


def _reach(zone: SftpDropZone) -> str:
    zone.check()
    return f"{zone.address} shows its pinned host key and takes deliveries"


def _rooms(work: Workplace, zone: SftpDropZone) -> str:
    wanted = {r.id for r in work.parties.recipients.values() if r.status == "confirmed"}
    if without := sorted(wanted - zone.rooms()):
        raise Refused(
            f"The transfer area has no room for {', '.join(without)}.",
            advice="Its operator makes one: dropzone/area recipient ID KEYS.",
        )
    return f"{len(wanted)} recipients have one"


def notices_condition(work: Workplace) -> str:
    """The channels' settings fit, and nothing that was tried still waits. Raises Refused, SettingMissing."""
    from extracts.record.notices import waiting_count
    from extracts.record.transaction import reading

    for channel in work.channels:
        channel.check()
    with reading(work.register) as view:
        waiting, failed = waiting_count(view)
    if failed:
        raise Refused(f"{failed} could not be sent so far.", advice="See `extracts notices list --waiting`.")
    return f"by {' and '.join(c.name for c in work.channels)}; {waiting} wait for the next sender"


def lineage_condition(work: Workplace) -> str:
    """The catalogue's settings fit, and it has taken every event. Raises Refused, SettingMissing."""
    from extracts.steps.lineage_sending import REFUSED, waiting

    work.lineage.check()
    late, refused = waiting(work.places.lineage), waiting(work.places.lineage, REFUSED)
    if late or refused:
        raise Refused(
            f"The catalogue has not taken {late} events, and refused {refused}.",
            advice=f"See EXTRACTS_LINEAGE_URL and the folder {work.places.lineage}; waiting ones go with the next run.",
        )
    return "told to a catalogue and kept in a file" if work.lineage.url else "kept in a file"


def source_conditions(work: Workplace) -> Iterator[Condition]:
    """Each system answers, and the password file is safe."""
    from extracts.extraction.sources.address import check_reachable
    from extracts.extraction.sources.parquet_source import check_folder
    from extracts.extraction.sources.sqlalchemy_source import check_url

    checks = {SourceKind.POSTGRESQL: check_reachable, SourceKind.PARQUET: check_folder}
    for system, kind in sorted({(d.system, d.source_kind) for d in work.datasets.values()}):
        check = checks.get(kind, check_url)
        yield look_at(f"source {system}", partial(lambda name, check: check(work.source(name)), system, check))
    passfile = work.places.passfile
    if passfile is None or not passfile.is_file():
        yield Condition("EXTRACTS_SOURCE_PASSFILE", False, "names no file: the agreements' roles cannot sign in")
    elif passfile.stat().st_mode & 0o077:
        yield Condition("EXTRACTS_SOURCE_PASSFILE", False, f"{passfile} can be read by others: chmod 600")


def agreement_conditions(work: Workplace) -> Iterator[Condition]:
    """Each agreement's role finds in the source what was approved."""
    from extracts.record import register
    from extracts.record.transaction import reading

    with reading(work.register) as view:
        approved = {e.request_id for e in register.list_requests(view, statuses=(Status.APPROVED,))}
    for request_id in sorted(approved):
        yield look_at(f"agreement {request_id}", partial(_agreement, work, request_id))


def _agreement(work: Workplace, request_id: str) -> str:
    from extracts.steps.approval_file import load_published
    from extracts.steps.source import check

    found = check(work, load_published(work, request_id).plan)
    return f"finds its source as approved, loaded {max(s.age_hours for s in found):.0f} hours ago at most"
