"""Finds what pages show: published agreements, records of runs, quality reports, manifests. Changes nothing.

Names of files are made from ids whose form was checked; what is found must lie where it was looked for, so that no link
in a folder leads a page elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extracts.errors import NotFound
from extracts.handover.dropzone.interface import Place
from extracts.scheduling.facts import AgreementFacts, read_facts
from extracts.scheduling.gates import QUESTIONS
from extracts.scheduling.signer_names import signer_names
from extracts.steps.run_folder import GATES, folder_name
from extracts.steps.transfer import zone_at
from extracts.steps.workplace import Places


@dataclass(frozen=True)
class Gate:
    """One check of a run: what it asks; passed, stopped it, or not reached; and what it found or said."""

    name: str
    question: str
    word: str
    said: str
    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shelf:
    """The folders that pages read."""

    places: Places

    def agreement(self, request_id: str) -> AgreementFacts:
        """A published agreement. Raises NotFound, InvalidDocument."""
        path = self.places.published / f"{request_id}.json"
        if not path.is_file():
            raise NotFound(f"No agreement {request_id} is published.")
        return read_facts(path)

    def signers(self) -> Mapping[str, str]:
        """Who signs, by public key."""
        return signer_names(self.places.allowed_signers)

    def outcome(self, request_id: str, run_id: str) -> Mapping[str, Any]:
        """What `record_outcome` wrote; empty while the run is under way."""
        return self._json(self._run(request_id, run_id), "outcome")

    def gates(self, request_id: str, run_id: str) -> tuple[Gate, ...]:
        """The checks of a run in their order. Raises NotFound if there is no record of the run."""
        folder = self._run(request_id, run_id)
        if not folder.is_dir():
            raise NotFound(f"There is no record of run {run_id} of {request_id}: it has not begun.")
        return tuple(_gate(name, self._json(folder, f"gate-{name}")) for name in GATES)

    def found(self, request_id: str, run_id: str, gate: str) -> Mapping[str, Any]:
        """What a check of a run found, as plain values; empty if it did not pass, or was not reached."""
        found: Mapping[str, Any] = self._json(self._run(request_id, run_id), f"gate-{gate}").get("found", {})
        return found

    def report(self, request_id: str, run_id: str) -> str:
        """The quality report of a run, as HTML. Raises NotFound."""
        return self._text(self._run(request_id, run_id) / "report.html", self.places.runs, "quality report")

    def has_report(self, request_id: str, run_id: str) -> bool:
        """Whether the run came as far as its quality report."""
        return (self._run(request_id, run_id) / "report.html").is_file()

    def deliveries_of(self, request_id: str, run_id: str) -> tuple[str, ...]:
        """The deliveries that a run made or was to make: one for each recipient. Raises NotFound."""
        found = self._json(self._run(request_id, run_id), "state").get("deliveries")
        if not found:
            raise NotFound(f"Run {run_id} of {request_id} has no delivery.")
        return tuple(str(each["delivery_id"]) for each in found)

    def manifest(self, request_id: str, delivery_id: str) -> str:
        """The manifest of a delivery as its recipient sees it. Raises NotFound."""
        several = self.agreement(request_id).recipients
        recipient = next((r for r in several if f".{r}.r" in delivery_id), several[0])
        found = zone_at(self.places.drop_zone).manifest(Place(recipient, request_id, delivery_id))
        if found is None:
            raise NotFound(
                f"{delivery_id} is not in the drop zone: it was never released, or it was collected and removed."
            )
        return found.decode()

    def _run(self, request_id: str, run_id: str) -> Path:
        return self.places.runs / folder_name(request_id) / folder_name(run_id)

    def _json(self, folder: Path, name: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = json.loads(self._text(folder / f"{name}.json", self.places.runs, name))
        except NotFound:
            return {}
        return found

    def _text(self, path: Path, within: Path, what: str) -> str:
        if not path.is_file() or not path.resolve().is_relative_to(within.resolve()):
            raise NotFound(f"There is no {what} here.")
        return path.read_text(encoding="utf-8")


def _gate(name: str, note: Mapping[str, Any]) -> Gate:
    if not note:
        return Gate(name, QUESTIONS[name], "not reached", "", ())
    if note.get("passed"):
        return Gate(name, QUESTIONS[name], "passed", "", tuple(_flat(note.get("found", {}))))
    said = f"{note.get('message', '')} {note.get('advice', '')}".strip()
    return Gate(name, QUESTIONS[name], str(note.get("outcome", "")), said, ())


def _flat(found: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested counts as lines: `rows, pension_credit_award: 1,234`."""
    lines: list[tuple[str, str]] = []
    for key, value in found.items():
        label = f"{before}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            lines += _flat(value, f"{label}, ")
        elif isinstance(value, list):
            lines.append((label, ", ".join(str(item) for item in value)))
        elif value not in (None, ""):
            lines.append((label, f"{value:,}" if type(value) is int else str(value)))
    return lines
