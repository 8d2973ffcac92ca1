"""The record of one run on disk: which gates it passed, with counts and digests; never a row, never a secret.

Rules:
1. One folder per run under `runs` (kept: `why` and the pages read it) and one under `staging` (0700, treated rows,
   removed at the end of the run whatever its outcome).
2. Each gate's outcome is written before the next begins, by rename, so that a killed run tells how far it came.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extracts.canonical import plain
from extracts.errors import TechnicalFailure, UsageError

GATES = ("check_approval", "check_source", "build_extract", "validate_extract", "sign_manifest", "release")
BEGUN = "begun"


@dataclass(frozen=True)
class RunFolder:
    """Folders of one run: `record` stays, `staging` goes."""

    record: Path
    staging: Path

    def begin(self) -> None:
        """Forget what an earlier try of this run noted: none of it is about the extract that will be built now."""
        for path in self.record.glob("*") if self.record.exists() else ():
            if path.name != f"{BEGUN}.json":  # which is about the step that asks for this
                path.unlink()

    def read(self, name: str) -> dict[str, Any]:
        """The JSON document `name` of this run; empty if there is none."""
        try:
            found: dict[str, Any] = json.loads((self.record / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Save a JSON document, whole or not at all."""
        self.write_text(f"{name}.json", json.dumps(plain_paths(document), indent=1, sort_keys=True))

    def write_text(self, file_name: str, text: str) -> None:
        """Save a text file, whole or not at all."""
        self.record.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.record / f".{file_name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.record / file_name)

    def open_staging(self) -> Path:
        """The staging folder, made 0700 if missing."""
        self.staging.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.staging.mkdir(mode=0o700, exist_ok=True)
        return self.staging

    def wipe_staging(self) -> None:
        """Remove everything that the run staged. Raises TechnicalFailure if any of it remains."""
        remove_staged(self.staging)


def remove_staged(folder: Path) -> None:
    """Remove one agreement's staging folder. Raises TechnicalFailure if treated rows may remain in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        raise TechnicalFailure(
            f"Treated rows of {folder.name} could not be removed from staging.",
            advice="Remove that folder by hand now, and see who may write there: `extracts doctor`.",
        )


def folder_name(text: str) -> str:
    """A run or delivery id as a folder name; two ids never share one.

    Raises UsageError for anything that could leave the folder.
    """
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", text)
    if name != text:
        name += "-" + hashlib.sha256(text.encode()).hexdigest()[:8]
    if not name or name.startswith(".") or len(name) > 200:
        raise UsageError(f"{text[:80]!r} cannot be the id of an agreement or of a run.")
    return name


def plain_paths(value: Any) -> Any:
    """Plain JSON values; paths become their file name, since a record must not tell where this machine keeps things."""
    if isinstance(value, Mapping):
        return {str(k): plain_paths(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain_paths(v) for v in value]
    if isinstance(value, float):
        return round(value, 3)
    return value.name if isinstance(value, Path) else plain(value)
