"""What is missing or unsafe in this installation: one line per thing, with what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.errors import ExtractsError

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_LOW_DISK_BYTES = 5 << 30


@dataclass(frozen=True)
class Condition:
    """One thing that was looked at. `detail` says what was found, and what to do if it is not well."""

    subject: str
    passed: bool
    detail: str


def examine(work: Workplace) -> list[Condition]:
    """Look at everything; never raises for what it finds."""
    return [
        *_folders(work),
        _programs(),
        _try("contracts, views and policy", lambda: _catalogue(work)),
        _try("allowed signers", lambda: _signers(work)),
        _try("service key", lambda: _service(work)),
        _try("register and ledger", lambda: _register(work)),
        *_sources(work),
        _recipients(work),
        _recovery(work),
        _disk(work),
    ]


def _try(subject: str, look: Callable[[], str]) -> Condition:
    try:
        return Condition(subject, True, look())
    except ExtractsError as error:
        return Condition(subject, False, str(error))


def _folders(work: Workplace) -> Iterator[Condition]:
    places = work.places
    for name, path, mask in (
        ("EXTRACTS_HOME", places.home, 0o077),
        ("EXTRACTS_KEYS", places.keys, 0o077),
        ("EXTRACTS_STAGING", places.staging, 0o077),
        ("EXTRACTS_DROP_ZONE", places.drop_zone, 0o002),
        ("EXTRACTS_PUBLISHED", places.published, 0o022),
        ("EXTRACTS_GOVERNANCE", places.governance, 0o022),
        ("EXTRACTS_EXPECTATIONS", places.expectations, 0o022),
        ("EXTRACTS_SQL", places.sql, 0o022),
        ("recipients' keys", places.recipient_keys, 0o022),
    ):
        if not path.exists():
            yield Condition(name, name != "EXTRACTS_HOME", f"{path} is not there yet; it is made when needed")
        elif path.stat().st_mode & mask:
            yield Condition(name, False, f"{path} is open to others: chmod {0o777 & ~mask & path.stat().st_mode:o}")
        else:
            yield Condition(name, True, str(path))
    for key in sorted(places.keys.glob("*.json")):
        if key.stat().st_mode & 0o077:
            yield Condition("pseudonym key", False, f"{key.name} can be read by others: chmod 600")
    yield from _leftovers(places.staging)


def _leftovers(staging: Path) -> Iterator[Condition]:
    left = sorted(p.name for p in staging.glob("*")) if staging.exists() else []
    if left:
        yield Condition("staging", True, f"in use, or left by a killed run: {', '.join(left)}")


def _programs() -> Condition:
    path = shutil.which("ssh-keygen")
    return Condition("ssh-keygen", bool(path), path or "not installed: install the OpenSSH client (9.1 or newer)")


def _catalogue(work: Workplace) -> str:
    return f"{len(work.datasets)} datasets, policy {work.policy.version}, {len(work.parties.recipients)} recipients"


def _signers(work: Workplace) -> str:
    from extracts.errors import SettingMissing

    path = work.places.allowed_signers
    if not path.is_file():
        raise SettingMissing(f"{path} is not there: nobody's signature counts.")
    if path.stat().st_mode & 0o022:
        raise SettingMissing(f"{path} can be changed by others.", advice="chmod 644 it.")
    return f"{len(path.read_text().splitlines())} signers in {path.name}"


def _service(work: Workplace) -> str:
    from extracts.steps.signers import service_principal

    if work.service_key().stat().st_mode & 0o077:
        from extracts.errors import SettingMissing

        raise SettingMissing("The service's key can be read by others.", advice="chmod 600 it.")
    return f"signs as {service_principal(work)}"


def _register(work: Workplace) -> str:
    from extracts.errors import Refused
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


def _sources(work: Workplace) -> Iterator[Condition]:
    systems = {d.system for d in work.datasets.values()}
    for system in sorted(systems):
        yield _try(f"source {system}", lambda name=system: "address is set" if work.source(name) else "")  # type: ignore[misc]
    passfile = work.places.passfile
    if passfile is None or not passfile.is_file():
        yield Condition("EXTRACTS_SOURCE_PASSFILE", False, "names no file: the agreements' roles cannot sign in")
    elif passfile.stat().st_mode & 0o077:
        yield Condition("EXTRACTS_SOURCE_PASSFILE", False, f"{passfile} can be read by others: chmod 600")


def _recipients(work: Workplace) -> Condition:
    try:
        without = [r.id for r in work.parties.recipients.values() if r.status == "confirmed" and not r.keys]
    except ExtractsError as error:
        return Condition("recipients' keys", False, str(error))
    return Condition("recipients' keys", not without, f"missing: {', '.join(without)}" if without else "all have one")


def _recovery(work: Workplace) -> Condition:
    there = bool(work.recovery_recipient)
    return Condition("recovery key", there, "is set" if there else "EXTRACTS_RECOVERY_RECIPIENT is not set")


def _disk(work: Workplace) -> Condition:
    place = next(p for p in (work.places.staging, *work.places.staging.parents) if p.exists())
    free = shutil.disk_usage(place).free
    return Condition("disk", free > _LOW_DISK_BYTES, f"{free >> 30} GiB free for staging")
