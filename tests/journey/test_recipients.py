"""One decision, three councils: each gets its own rows in its own delivery, whatever happens to the others."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from extracts.agreement.schedule import next_times
from extracts.errors import CheckFailed, Outcome, VerificationFailed
from extracts.handover.collection.area import FolderArea
from extracts.handover.collection.collecting import Means, collect
from extracts.handover.collection.waiting import find_waiting
from extracts.handover.decryption import decrypt_file, read_identity
from extracts.handover.dropzone.inbox import INBOX
from extracts.handover.manifest import read_manifest
from extracts.handover.no_delivery import read_no_delivery
from extracts.handover.verify import verify_delivery
from extracts.local.home import DemoHome
from extracts.record.expectations import attempts_since
from extracts.record.transaction import reading
from extracts.settings import PROJECT
from extracts.steps.approval import approved_now
from extracts.steps.custody_clocks import tick
from extracts.steps.receipts import take_receipts
from extracts.steps.run import OUTCOME, run_folder, run_step
from extracts.steps.run_folder import GATES
from extracts.steps.why import why
from tests.support.command_line import extracts
from tests.support.dying import run_until
from tests.support.several import CODES, COUNCILS, EDINBURGH, FIFE_COUNCIL, RECIPIENTS, STIRLING, councils_world
from tests.support.warm import in_a_process
from tests.support.world import World, copied

UNTIL_SIGNED = GATES[:5]


@pytest.fixture(scope="module")
def approved(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with councils_world(template_world, tmp_path_factory.mktemp("councils")) as own:
        yield own


@pytest.fixture
def councils(approved: World, tmp_path: Path) -> Iterator[World]:
    with copied(approved.home, tmp_path / "home", approved.register) as own:
        yield own


@pytest.fixture(scope="module")
def delivered(approved: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that only look."""
    with copied(approved.home, tmp_path_factory.mktemp("delivered") / "home", approved.register) as own:
        assert own.run(COUNCILS)["outcome"] == Outcome.DELIVERED
        yield own


@pytest.fixture
def after_delivery(delivered: World, tmp_path: Path) -> Iterator[World]:
    with copied(delivered.home, tmp_path / "home", delivered.register) as own:
        yield own


def whose(folder: Path) -> str:
    return folder.parts[-3]


def opened(world: World, folder: Path, recipient: str, into: Path) -> list[str]:
    """The councils of the rows, as the recipient reads them with its own key."""
    clear = into / f"{recipient}.parquet"
    manifest, _ = read_manifest((folder / "manifest.json").read_bytes())
    identity = read_identity(world.home.people.identity(recipient))
    decrypt_file(folder / "benefit_cap.parquet.age", clear, identity, manifest.files[0].clear_sha256)
    return pq.read_table(clear, columns=["council_code"]).column(0).to_pylist()


def test_each_council_gets_a_whole_delivery_with_its_own_rows_alone(delivered: World, tmp_path: Path) -> None:
    folders = delivered.deliveries(COUNCILS)
    assert [whose(f) for f in folders] == list(RECIPIENTS)
    for folder in folders:
        recipient = whose(folder)
        identity = delivered.home.people.identity(recipient)
        found = verify_delivery(folder, delivered.home.people.allowed_signers, datetime.now(UTC), identity)
        assert found.passed, found.sentences()
        assert set(opened(delivered, folder, recipient, tmp_path)) == {CODES[recipient]}


def test_nobody_can_open_the_delivery_of_another(delivered: World, tmp_path: Path) -> None:
    fife = next(f for f in delivered.deliveries(COUNCILS) if whose(f) == FIFE_COUNCIL)
    stirling = read_identity(delivered.home.people.identity(STIRLING))
    with pytest.raises(VerificationFailed):
        decrypt_file(fife / "benefit_cap.parquet.age", tmp_path / "x", stirling, "sha256:" + "0" * 64)


def test_each_manifest_tells_of_its_own_part_and_no_other(delivered: World) -> None:
    for folder in delivered.deliveries(COUNCILS):
        manifest, _ = read_manifest((folder / "manifest.json").read_bytes())
        (counted,) = manifest.reconciliation
        assert manifest.agreement.recipient.id == whose(folder)
        assert manifest.delivery.id == folder.name
        assert f".{whose(folder)}.r1" in folder.name
        assert counted.source < 10_000, "the rows of its own area, and not of the whole source"
        told = " ".join(c.name for report in manifest.reports for c in report.checks)
        assert not any(f"every row is {other}'s" in told for other in set(RECIPIENTS) - {whose(folder)})


def test_the_whole_is_accounted_for_in_the_register(delivered: World) -> None:
    listed = extracts(delivered, "deliveries", "list", "--request-id", COUNCILS, "--json").json
    assert [(d["recipient"], d["state"]) for d in listed] == [(r, "published") for r in RECIPIENTS]
    (ended,) = delivered.ledger("run.ended")[-1:]
    assert ended.payload["delivery"] == ", ".join(d["id"] for d in listed)
    from extracts.record import register

    with reading(delivered.work.register) as view:
        (run,) = register.last_runs(view, request_id=COUNCILS, limit=1)
    funnel = run.counts["benefit_cap"]
    assert funnel["delivered"] == sum(d["rows"] for d in listed)
    assert funnel["unassigned"] > 0, "other councils' rows, and those of nobody known"
    assert funnel["source"] == sum(v for name, v in funnel.items() if name != "source")


def test_the_quality_report_shows_each_recipient(delivered: World) -> None:
    (page,) = (delivered.work.places.runs / COUNCILS).glob("*/report.html")
    text = page.read_text()
    for recipient in RECIPIENTS:
        assert f"every row is {recipient}" in text.replace("&#39;", "'").replace("&#x27;", "'")


def suspend(world: World, *recipients: str) -> None:
    """Let the parties' list, in a copy of the world's own, call these suspended and all others confirmed."""
    governance, mine = PROJECT / "examples" / "governance", world.home.home / "governance"
    shutil.copytree(governance, mine, dirs_exist_ok=True)
    text = (governance / "parties.yaml").read_text()
    for recipient in recipients:
        before, found, after = text.partition(f"folder: {recipient}\n")
        text = before + found + after.replace("status: confirmed", "status: suspended", 1)
    (mine / "parties.yaml").write_text(text)
    world.work = replace(world.work, places=replace(world.work.places, governance=mine))


def test_a_suspended_recipient_holds_up_no_other_and_gets_its_part_later(councils: World) -> None:
    suspend(councils, STIRLING)
    found = councils.run(COUNCILS)
    assert found["outcome"] == Outcome.DELIVERED
    assert "Not to stirling-council: Recipient stirling-council is suspended" in found["reason"]
    assert [whose(f) for f in councils.deliveries(COUNCILS)] == [EDINBURGH, FIFE_COUNCIL]
    told = why(councils.work, COUNCILS)
    assert "stirling-council is suspended" in told.waits_for
    assert "stirling-council is suspended" in told.reason

    with reading(councils.work.register) as view:
        (tried,) = attempts_since(view, councils.started_at)
    assert (tried.request_id, tried.outcome, tried.reason) == (COUNCILS, "delivered", found["reason"])

    suspend(councils)
    again = councils.run(COUNCILS)
    assert (again["outcome"], [whose(f) for f in councils.deliveries(COUNCILS)]) == (
        Outcome.DELIVERED,
        list(RECIPIENTS),
    )
    assert again["delivery"].endswith(".stirling-council.r1")


def test_who_gets_nothing_is_told_and_told_no_more_once_it_came(after_delivery: World) -> None:
    """All three miss the next period; then it comes for one of them."""
    world = after_delivery
    due = next_times(approved_now(world.work, COUNCILS).plan.schedule, world.work.now(), 1)[0]
    world.later(seconds=(due + timedelta(hours=2) - world.work.now()).total_seconds())
    tick(world.work)
    told = {p.parts[-3]: p for p in world.work.places.drop_zone.glob(f"*/{COUNCILS}/no-delivery.*.json")}
    assert sorted(told) == list(RECIPIENTS)
    period = read_no_delivery(told[STIRLING].read_bytes(), told[STIRLING].name).period
    with world.home.postgres.superuser(world.register) as connection:
        connection.execute(_COMES.encode(), (period, period, STIRLING))
    tick(world.work)
    assert {who for who, path in told.items() if path.exists()} == {EDINBURGH, FIFE_COUNCIL}


_COMES = f"""
INSERT INTO register.delivery (delivery_id, request_id, version, period, period_first, period_last, revision, recipient,
    part, decision_digest, run_id, reason, state, path, manifest_digest, rows, bytes, files, created_at, published_at)
SELECT d.request_id || '.' || %s || '.' || d.part || '.r1', d.request_id, d.version, %s, d.period_first, d.period_last,
    1, d.recipient, d.part, d.decision_digest, d.run_id, '', 'published', d.path, d.manifest_digest, d.rows, d.bytes,
    d.files, d.created_at, now()
FROM register.delivery d WHERE d.request_id = '{COUNCILS}' AND d.recipient = %s
"""


def test_when_nobody_may_get_anything_the_first_reason_stops_it(councils: World) -> None:
    suspend(councils, *RECIPIENTS)
    found = councils.run(COUNCILS)
    assert found["outcome"] == Outcome.STOPPED
    assert councils.deliveries(COUNCILS) == []


def test_one_recipients_delivery_is_corrected_and_withdrawn_without_the_others(after_delivery: World) -> None:
    councils = after_delivery
    assert councils.run(COUNCILS)["outcome"] == Outcome.NOTHING_DUE
    found = councils.run(COUNCILS, reason="An address was wrong.", recipient=FIFE_COUNCIL)
    assert found["delivery"].endswith(".fife-council.r2"), found
    listed = extracts(councils, "deliveries", "list", "--request-id", COUNCILS, "--json").json
    assert [(d["recipient"], d["state"]) for d in listed] == [
        (EDINBURGH, "published"),
        (FIFE_COUNCIL, "superseded"),
        (FIFE_COUNCIL, "published"),
        (STIRLING, "published"),
    ]
    extracts(councils, "withdraw", listed[0]["id"], "--reasons", "It was too early.")
    after = extracts(councils, "deliveries", "list", "--request-id", COUNCILS, "--json").json
    assert [d["state"] for d in after] == ["withdrawn", "superseded", "published", "published"]


def test_each_recipient_acknowledges_its_own(after_delivery: World) -> None:
    councils, recipient = after_delivery, STIRLING
    people, area = councils.home.people, FolderArea(councils.work.places.drop_zone / recipient)
    (area.root / INBOX).mkdir(mode=0o750, exist_ok=True)
    into = councils.home.home / "collected"
    into.mkdir()
    means = Means(
        people.allowed_signers, into, councils.work.now, people.identity(recipient), people.receipt_key(recipient)
    )
    (waiting,) = find_waiting(area, into, people.allowed_signers, councils.work.now()).waiting
    collect(area, waiting, means)
    take_receipts(councils.work)
    listed = extracts(councils, "deliveries", "list", "--request-id", COUNCILS, "--json").json
    assert [(d["recipient"], d["custody"]) for d in listed] == [
        (EDINBURGH, "published"),
        (FIFE_COUNCIL, "published"),
        (STIRLING, "acknowledged"),
    ]


def test_notices_of_a_delivery_go_to_its_recipient_alone(delivered: World) -> None:
    from extracts.record.notices import list_notices
    from extracts.steps.notice_sending import addresses

    with reading(delivered.work.register) as view:
        kept = [k.notice for k in list_notices(view, request_id=COUNCILS)]
    told = {
        n.recipient: addresses(delivered.work, n) for n in kept if n.kind == "delivered" and n.audience == "recipient"
    }
    assert told == {r: (delivered.work.parties.recipients[r].contact,) for r in RECIPIENTS}


def test_pages_show_each_recipient(delivered: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.api_fastapi.common.db.common import _get_session

    from tests.support.pages import Tab, at

    at(delivered, monkeypatch)
    tab = Tab("forum")
    tab.overrides[_get_session] = lambda: SimpleNamespace(scalars=lambda _: ())
    (run,) = [path.name for path in (delivered.work.places.runs / COUNCILS).iterdir()]
    sheet = tab.text(f"/outcome/extract__{COUNCILS}/{run}")
    agreement = tab.text(f"/agreement/extract__{COUNCILS}")
    public, asked = tab.text("/public"), tab.text(f"/request/{COUNCILS}")
    for recipient in RECIPIENTS:
        name = delivered.work.parties.recipients[recipient].name
        for page in (sheet, agreement, public, asked):
            assert name in page
        assert f"{recipient} gets the rows whose council_code is {CODES[recipient]}." in agreement
        (folder,) = [f for f in delivered.deliveries(COUNCILS) if whose(f) == recipient]
        assert folder.name in sheet
        assert folder.name in tab.text(f"/manifest/{folder.name}")
    assert "Of none of the recipients" in sheet
    found = tab.text(f"/public?recipient={STIRLING}")
    assert "Stirling Council, advice services Benefit cap support, three councils" in found


def test_a_recipient_of_another_agreement_is_refused_before_anything_runs(councils: World) -> None:
    told = extracts(councils, "run", COUNCILS, "--recipient", "social-security-scotland")
    assert told.code == 2
    assert "is not for social-security-scotland" in told.err
    assert councils.ledger("run.started") == []


def test_an_edited_map_is_not_covered_by_the_approval(councils: World) -> None:
    path = councils.work.places.published / f"{COUNCILS}.json"
    document = json.loads(path.read_text())
    document["plan"]["division"]["shares"][1]["values"].append("S12000049")
    path.write_text(json.dumps(document))
    assert councils.run(COUNCILS)["outcome"] != Outcome.DELIVERED
    assert councils.deliveries(COUNCILS) == []


# --- killed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("extracts.steps.gate_build:save_extract:before", marks=pytest.mark.slow),
        pytest.param("extracts.steps.gate_sign:assemble:after", marks=pytest.mark.slow),
        "extracts.steps.gate_release:_tell:after",
    ],
)
def test_a_killed_run_is_made_good_with_one_delivery_for_each(councils: World, place: str) -> None:
    ended = in_a_process(councils, councils.home.home.parent / "killed", run_until, COUNCILS, place)
    assert ended.code == -signal.SIGKILL, ended.err[-2000:]
    assert len(councils.deliveries(COUNCILS)) < len(RECIPIENTS)
    found = councils.run(COUNCILS)
    assert found["outcome"] == Outcome.DELIVERED, found
    assert [whose(f) for f in councils.deliveries(COUNCILS)] == list(RECIPIENTS)
    listed = extracts(councils, "deliveries", "list", "--request-id", COUNCILS, "--json").json
    assert [(d["recipient"], d["state"]) for d in listed] == [(r, "published") for r in RECIPIENTS]
    assert not councils.staged()


# --- one recipient's files in another's place -------------------------------------------------------------------------


def _clear_files(staging: Path, fife: Path, stirling: Path) -> None:
    """What was inspected, under the other's name."""
    _exchange(fife / "benefit_cap.parquet", stirling / "benefit_cap.parquet")


def _whole_parts(staging: Path, fife: Path, stirling: Path) -> None:
    """With the facts that were recorded of each."""
    _exchange(fife, stirling)


def _exchange(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


@pytest.mark.parametrize(
    ("exchange", "before"),
    [
        (_clear_files, "validate_extract"),
        (_whole_parts, "sign_manifest"),
        pytest.param(_whole_parts, "validate_extract", marks=pytest.mark.slow),
        pytest.param(_clear_files, "sign_manifest", marks=pytest.mark.slow),
    ],
)
def test_files_that_are_exchanged_between_recipients_are_found_out(councils: World, exchange, before: str) -> None:
    key = councils.key(COUNCILS)
    gates = GATES[: GATES.index(before)]
    for gate in gates:
        run_step(councils.work, gate, key)
    staging = run_folder(councils.work, key).staging
    exchange(staging, staging / "for" / FIFE_COUNCIL, staging / "for" / STIRLING)
    with pytest.raises(CheckFailed):
        run_step(councils.work, before, key)
    run_step(councils.work, OUTCOME, key)
    assert councils.deliveries(COUNCILS) == []


def test_a_signed_delivery_in_anothers_place_is_not_released(councils: World) -> None:
    key = councils.key(COUNCILS)
    for gate in UNTIL_SIGNED:
        run_step(councils.work, gate, key)
    parts = run_folder(councils.work, key).staging / "for"
    _exchange(parts / FIFE_COUNCIL / "delivery", parts / STIRLING / "delivery")
    with pytest.raises(CheckFailed):
        run_step(councils.work, "release", key)
    run_step(councils.work, OUTCOME, key)
    assert councils.deliveries(COUNCILS) == []
    shutil.rmtree(parts, ignore_errors=True)
