"""What is missing or unsafe in this installation: one line per thing, with what to do.

Rules:
1. Everything is looked at, whatever else is broken: what cannot be examined is a line of its own, too.
2. Nothing is changed, and no secret is shown.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from extracts import signing
from extracts.errors import SettingMissing
from extracts.handover.encryption import check_recipient_key
from extracts.steps.canaries import read_canaries
from extracts.steps.conditions import Condition, each, look_at
from extracts.steps.conditions_of_services import (
    agreement_conditions,
    lineage_condition,
    notices_condition,
    register_condition,
    source_conditions,
    transfer_conditions,
)
from extracts.steps.keys import read_key
from extracts.steps.recipients import unconfirmed
from extracts.steps.signers import page_signer, service_principal

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_LOW_DISK_BYTES = 5 << 30
_OPENSSH = (9, 1)  # the first whose ssh-keygen reads a time of signing that ends in Z


def examine(work: Workplace, settings: Sequence[str] = ()) -> list[Condition]:
    """Look at everything; never raises for what it finds. `settings`: what is wrong with them, as it was found."""
    return [
        *(Condition("settings", False, problem) for problem in settings),
        *each("folders", _folders(work)),
        *each("pseudonym key", _keys(work)),
        *each("staging", _leftovers(work)),
        look_at("OpenSSH", _openssh),
        look_at("contracts, views and policy", lambda: _catalogue(work)),
        look_at("allowed signers", lambda: _signers(work)),
        look_at("people", lambda: _people(work)),
        look_at("service key", lambda: _service(work)),
        look_at("signed pages", lambda: f"signed as {page_signer(work)}"),
        look_at("canaries", lambda: _canaries(work)),
        look_at("register and ledger", lambda: register_condition(work)),
        *each("transfer area", transfer_conditions(work)),
        look_at("notices", lambda: notices_condition(work)),
        look_at("lineage", lambda: lineage_condition(work)),
        look_at("EXTRACTS_REGISTER_OWNER_URL", lambda: _owner(work)),
        *each("sources", source_conditions(work)),
        *each("agreements", agreement_conditions(work)),
        look_at("recipients' keys", lambda: _recipients(work)),
        look_at("recovery key", lambda: _recovery(work)),
        *each("disk", _disk(work)),
    ]


def _folders(work: Workplace) -> Iterator[Condition]:
    places = work.places
    for name, path, mask in (
        ("EXTRACTS_HOME", places.home, 0o077),
        ("EXTRACTS_KEYS", places.keys, 0o077),
        ("EXTRACTS_STAGING", places.staging, 0o077),
        ("EXTRACTS_RUNS", places.runs, 0o022),
        ("EXTRACTS_TAKEN_BACK", places.taken_back, 0o077),
        *((("EXTRACTS_DROP_ZONE", places.drop_zone, 0o002),) if isinstance(places.drop_zone, Path) else ()),
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


def _keys(work: Workplace) -> Iterator[Condition]:
    for key in sorted(work.places.keys.glob("*.json")):
        if key.stat().st_mode & 0o077:
            yield Condition("pseudonym key", False, f"{key.name} can be read by others: chmod 600")
        if read_key(key) is None:
            yield Condition("pseudonym key", False, f"{key.name} is damaged: `extracts keys restore`, or `replace`")


def _leftovers(work: Workplace) -> Iterator[Condition]:
    staging = work.places.staging
    left = sorted(p.name for p in staging.glob("*")) if staging.exists() else []
    if left:
        yield Condition("staging", True, f"in use, or left by a killed run: {', '.join(left)}")


def _openssh() -> str:
    found = signing.openssh_version()
    if found < _OPENSSH or not shutil.which("ssh-keygen"):
        raise SettingMissing("Signatures cannot be judged.", advice="Install the OpenSSH client, 9.1 or newer.")
    return f"version {found[0]}.{found[1]}"


def _catalogue(work: Workplace) -> str:
    return f"{len(work.datasets)} datasets, policy {work.policy.version}, {len(work.parties.recipients)} recipients"


def _signers(work: Workplace) -> str:
    path = work.places.allowed_signers
    if not path.is_file():
        raise SettingMissing(f"{path} is not there: nobody's signature counts.")
    if path.stat().st_mode & 0o022:
        raise SettingMissing(f"{path} can be changed by others.", advice="chmod 644 it.")
    return f"{len(path.read_text().splitlines())} signers in {path.name}"


def _people(work: Workplace) -> str:
    invented = [name for name in work.parties.principals if name.endswith(".example")]
    if invented and not _is_demo(work):
        raise SettingMissing(
            f"The people of {work.places.governance} are invented ({', '.join(invented[:2])}, ...).",
            advice="Point EXTRACTS_GOVERNANCE to your own.",
        )
    return f"{len(work.parties.principals)} principals{', invented for the demo' if invented else ''}"


def _service(work: Workplace) -> str:
    if work.service_key().stat().st_mode & 0o077:
        raise SettingMissing("The service's key can be read by others.", advice="chmod 600 it.")
    return f"signs as {service_principal(work)}"


def _canaries(work: Workplace) -> str:
    return f"{len(read_canaries(work.places.canaries))} values that must never leave are known"


def _owner(work: Workplace) -> str:
    if work.register_owner_url and not _is_demo(work):
        raise SettingMissing(
            "It is set here: whoever runs code as this service can change the ledger.",
            advice="Set it for `extracts register migrate` alone, and nowhere that serves.",
        )
    return "set, as in a demo only" if work.register_owner_url else "not set here, as it should be"


def _recipients(work: Workplace) -> str:
    without = [r.id for r in work.parties.recipients.values() if r.status == "confirmed" and not r.keys]
    if without:
        raise SettingMissing(f"Missing: {', '.join(without)}.", advice=f"Put them into {work.places.recipient_keys}.")
    strange = [f for r in work.parties.recipients.values() if r.status == "confirmed" and (f := unconfirmed(work, r))]
    if strange:
        told = "; ".join(f"{f.recipient}: {', '.join(f.fingerprints)}" for f in strange)
        raise SettingMissing(f"Not confirmed with them: {told}.", advice=strange[0].advice)
    return "all have one, and all are confirmed"


def _recovery(work: Workplace) -> str:
    if not work.recovery_recipient:
        raise SettingMissing("EXTRACTS_RECOVERY_RECIPIENT is not set.")
    check_recipient_key(work.recovery_recipient)
    return "is a public key"


def _disk(work: Workplace) -> Iterator[Condition]:
    place = next(p for p in (work.places.staging, *work.places.staging.parents) if p.exists())
    free = shutil.disk_usage(place).free
    yield Condition("disk", free > _LOW_DISK_BYTES, f"{free >> 30} GiB free for staging")


def _is_demo(work: Workplace) -> bool:
    """Only the demo keeps people's private keys beside the service."""
    return (work.places.home / "people").is_dir()
