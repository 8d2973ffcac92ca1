"""The controller's membership index of a delivery: staged encrypted, and kept only if the delivery leaves.

Rules:
1. It is encrypted to the controller's recovery key as soon as it is built. The clear one, which holds marks and no
   identifier, stays in the run's staging folder, where `release` asks it about new holds, and ends with that folder.
2. It is put with the others when the intention to release is on record and before the recipient can see anything: no
   delivery is ever without its index. One whose delivery did not leave is replaced when that is built again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.canonical import digest_file
from extracts.errors import Refused, SettingMissing
from extracts.handover.encryption import encrypt

if TYPE_CHECKING:
    from extracts.extraction.values import Extract
    from extracts.steps.workplace import Workplace

FOLDER = "membership"
_STAGED = "membership.age"


def seal(work: Workplace, extract: Extract, staging: Path) -> None:
    """Encrypt the index in staging. Raises SettingMissing without a recovery key."""
    if extract.membership is None:
        return
    if not work.recovery_recipient:
        raise SettingMissing("EXTRACTS_RECOVERY_RECIPIENT is not set: the membership index cannot be kept.")
    sealed = staging / _STAGED
    sealed.unlink(missing_ok=True)
    encrypt(extract.membership, sealed, [work.recovery_recipient], clear_sha256=extract.membership_sha256)


def clear_index(extract: Extract) -> Path:
    """The staged clear index. Raises Refused unless it is the one that was built."""
    if extract.membership is None or not extract.membership.is_file():
        raise Refused("This run's membership index is missing.", advice="Start a new run.")
    if digest_file(extract.membership) != extract.membership_sha256:
        raise Refused("This run's membership index is not the one that was built.", advice="Start a new run.")
    return extract.membership


def keep(work: Workplace, delivery_id: str, staging: Path) -> None:
    """Put the index where the controller finds it, whole or not at all. Raises Refused if it was never made."""
    folder = work.places.home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    temporary = folder / f".{delivery_id}.{os.getpid()}"
    try:
        shutil.copyfile(staging / _STAGED, temporary)
        temporary.chmod(0o600)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(folder / f"{delivery_id}.parquet.age")
    except FileNotFoundError:
        raise Refused(f"{delivery_id} has no membership index.", advice="Start a new run.") from None
    finally:
        temporary.unlink(missing_ok=True)
