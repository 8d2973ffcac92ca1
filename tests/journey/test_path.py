"""The whole path without Airflow: from an approved request to what the recipient holds."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extracts.errors import Outcome
from extracts.handover.manifest import read_manifest
from extracts.handover.verify import verify_delivery
from extracts.record.notices import list_notices
from extracts.record.transaction import reading
from extracts.steps.ledger_check import check_ledger
from tests.support.world import AGREEMENTS, ANALYSTS, FIFE, REFUSED, SCP, World


def test_every_approved_agreement_is_delivered_and_verifies(world: World) -> None:
    for request_id in AGREEMENTS:
        found = world.run(request_id)
        assert found["outcome"] == Outcome.DELIVERED, found
        (folder,) = world.deliveries(request_id)
        recipient = folder.parts[-3]
        people = world.home.people
        verified = verify_delivery(folder, people.allowed_signers, datetime.now(UTC), people.identity(recipient))
        assert verified.passed, verified.sentences()
        with reading(world.work.register) as view:
            told = [k.notice for k in list_notices(view, request_id=request_id) if k.notice.kind == "delivered"]
        assert [(n.audience, folder.name in n.body) for n in told] == [("recipient", True)], "told once"
    assert not world.staged()
    report = check_ledger(world.work, (world.work.places.drop_zone,))
    assert report.passed
    assert len(report.anchors_matched) == len(AGREEMENTS)


def test_the_manifest_says_when_it_was_made_what_was_checked_and_on_which_conditions(world: World) -> None:
    before = datetime.now(UTC)
    assert world.run(SCP)["outcome"] == Outcome.DELIVERED
    (folder,) = world.deliveries(SCP)
    manifest, _ = read_manifest((folder / "manifest.json").read_bytes())
    delivery = manifest.delivery
    assert before <= delivery.data_as_at < delivery.extracted_at <= delivery.made_at
    checks = [c for r in manifest.reports for c in r.checks]
    assert all(c.passed != bool(c.not_applicable) for c in checks)
    assert [c for c in checks if c.not_applicable], "what cannot be checked on this delivery is said with its reason"
    (condition,) = manifest.handling.special_conditions
    assert "before the family has been asked" in condition
    assert condition in " ".join((folder / "README.txt").read_text().split())


def test_a_refused_request_never_runs(world: World) -> None:
    found = world.run(REFUSED)
    assert found["outcome"] == Outcome.STOPPED
    assert found["gate"] == "check_approval"
    assert not world.deliveries()


def test_a_delivery_verifies_by_hand_with_common_tools(world: World) -> None:
    world.run(FIFE)
    (folder,) = world.deliveries(FIFE)
    sums = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=False)
    assert sums.returncode == 0
    signed = subprocess.run(
        [
            *("ssh-keygen", "-Y", "verify", "-f", str(world.home.people.allowed_signers), "-n", "extract-manifest"),
            *("-I", "extracts-service@dwp.example", "-s", "manifest.json.sig"),
        ],
        cwd=folder,
        stdin=(folder / "manifest.json").open("rb"),
        check=False,
    )
    assert signed.returncode == 0


def test_the_same_period_is_delivered_once(world: World) -> None:
    assert world.run(SCP)["outcome"] == Outcome.DELIVERED
    again = world.run(SCP)
    assert again["outcome"] == Outcome.NOTHING_DUE
    assert len(world.deliveries(SCP)) == 1


def test_a_correction_supersedes(world: World) -> None:
    world.run(ANALYSTS)
    found = world.run(ANALYSTS, reason="The first file was built on a late load.")
    assert found["outcome"] == Outcome.DELIVERED, found
    first, second = world.deliveries(ANALYSTS)
    assert first.name.endswith(".r1")
    assert second.name.endswith(".r2")


@pytest.mark.parametrize("request_id", AGREEMENTS)
def test_nothing_personal_is_in_what_a_run_writes_down(world: World, request_id: str) -> None:
    world.run(request_id)
    written = [p for p in world.work.places.runs.rglob("*") if p.is_file()]
    assert written
    for path in [*written, *(p for p in _clear_files(world))]:
        text = path.read_text(errors="replace")
        assert "QQ" not in text, path


def _clear_files(world: World) -> list[Path]:
    return [p for folder in world.deliveries() for p in folder.iterdir() if p.suffix != ".age" and ".sig" not in p.name]
