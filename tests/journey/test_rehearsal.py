"""Before an agreement's first delivery, made-up rows go the whole way: sent, collected, verified, acknowledged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

from extracts import signing
from extracts.agreement.decision import OrderKind
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.working_days import BOTH_NATIONS, working_days_after
from extracts.canonical import digest_bytes
from extracts.errors import Outcome
from extracts.handover.chain import verify
from extracts.handover.manifest import MANIFEST, read_manifest
from extracts.handover.receipt import ReceiptResult, receipt_for
from extracts.handover.verify import verify_delivery
from extracts.local.home import DemoHome
from extracts.record import notices as outbox
from extracts.record import register, rehearsals
from extracts.record.rehearsals import Rehearsal, Step
from extracts.record.transaction import reading
from extracts.steps.approval import approved_now
from extracts.steps.custody_clocks import tick
from extracts.steps.receipts import take_receipts
from extracts.steps.rehearsals import missing_rehearsal
from extracts.steps.rehearsing import rehearse
from tests.support.command_line import Said, extracts
from tests.support.world import AGREEMENTS, ANALYSTS, FIFE, SCP, World, copied

WHO = {FIFE: "fife-council", ANALYSTS: "scottish-government-analysts", SCP: "social-security-scotland"}


@pytest.fixture
def fresh(template_world: DemoHome, tmp_path: Path) -> Iterator[World]:
    """A world in which nothing was rehearsed yet."""
    with copied(template_world, tmp_path / "home") as world:
        with world.home.postgres.superuser(world.register) as connection:
            connection.execute("DELETE FROM register.rehearsal_step")
            connection.execute("DELETE FROM register.rehearsal")
        for folder in world.work.places.drop_zone.glob("*/TEST-*"):
            shutil.rmtree(folder)
        yield world


def sent(world: World, request_id: str = FIFE) -> tuple[Rehearsal, Path]:
    return rehearse(world.work, request_id, "engineer")


def there(world: World, request_id: str = FIFE) -> Rehearsal:
    with reading(world.work.register) as view:
        return rehearsals.list_rehearsals(view, request_id=request_id)[-1]


def collect(world: World, into: Path, *more: str | Path, request_id: str = FIFE) -> Said:
    people, who = world.home.people, WHO[request_id]
    area = world.work.places.drop_zone / who
    return extracts(
        None, "collect", area, "--signers", people.allowed_signers, "--into", into, "--identity", people.identity(who),
        "--receipt-key", people.receipt_key(who), *more, EXTRACTS_HOME=str(into),
    )  # fmt: skip


def inbox(world: World) -> Path:
    return Path(world.work.places.drop_zone) / WHO[FIFE] / "inbox"


def put(world: World, name: str, data: bytes, namespace: str) -> None:
    (inbox(world) / name).write_bytes(data)
    key = world.home.people.receipt_key(WHO[FIFE])
    (inbox(world) / f"{name}.sig").write_text(signing.sign(data, key, namespace))


# --- the way ----------------------------------------------------------------------------------------------------------


def test_nothing_is_delivered_before_the_rehearsal_is_acknowledged_and_then_it_is(fresh: World, tmp_path: Path) -> None:
    found = fresh.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_approval")
    assert "was not rehearsed with fife-council yet" in found["reason"]
    assert f"`extracts rehearse {FIFE}`" in found["reason"]
    why = extracts(fresh, "why", FIFE)
    assert "was not rehearsed with fife-council yet" in why.text

    said = extracts(fresh, "rehearse", FIFE, "--as-user", "engineer")
    assert (said.code, "It is a test, and no delivery" in said.text) == (0, True), said.text
    assert "waits to be collected" in fresh.run(FIFE)["reason"]
    assert "Ask fife-council to collect it" in extracts(fresh, "why", FIFE).text

    said = collect(fresh, tmp_path / "council", "--csv")
    assert said.code == 0, said.text
    assert "This is a TEST. Every row is made up" in said.text
    done = tick(fresh.work)
    assert (done.taken, done.removed, done.problems) == (1, 1, [])
    assert there(fresh).outcome == Step.ACKNOWLEDGED
    assert not there(fresh).in_area
    assert list(Path(fresh.work.places.drop_zone).glob("*/TEST-*/*/*")) == [], "the area is clean"
    assert "is over (it was acknowledged): delete it" in collect(fresh, tmp_path / "council").text
    assert fresh.run(FIFE)["outcome"] == Outcome.DELIVERED
    kinds = [e.kind for e in fresh.ledger() if e.subject == there(fresh).rehearsal_id]
    assert kinds[-5:] == [f"rehearsal.{s}" for s in ("prepared", "publishing", "published", "acknowledged", "removed")]


def test_a_rehearsal_counts_as_no_delivery_and_is_shown_apart(fresh: World, tmp_path: Path) -> None:
    sent(fresh)
    listed = extracts(fresh, "deliveries", "list")
    assert "Rehearsals: made-up rows, no deliveries" in listed.text
    assert extracts(fresh, "deliveries", "list", "--json").json == []
    (shown,) = extracts(fresh, "deliveries", "list", "--rehearsals", "--json").json
    assert (shown["state"], shown["in_area"]) == ("published", True)
    collect(fresh, tmp_path / "council")
    tick(fresh.work)
    with reading(fresh.work.register) as view:
        assert register.deliveries_count(view, FIFE) == 0
        assert register.list_deliveries(view, request_id=FIFE) == ()
        assert register.last_published(view, FIFE) is None
    fresh.run(FIFE)
    manifest = read_manifest((fresh.deliveries(FIFE)[0] / MANIFEST).read_bytes())[0]
    assert (manifest.previous, manifest.delivery.revision) == (None, 1)
    assert extracts(fresh, "ledger", "verify", "--anchors", fresh.work.places.drop_zone).code == 0


@pytest.mark.parametrize("request_id", AGREEMENTS)
def test_its_rows_have_the_form_of_the_agreement_and_are_visibly_made_up(
    fresh: World, tmp_path: Path, request_id: str
) -> None:
    sent(fresh, request_id)
    said = collect(fresh, tmp_path, "--json", request_id=request_id)
    (collected,) = said.json["collected"]
    assert not [f for f in collected["findings"] if f["result"] == "failed"]
    plan: ExtractPlan = approved_now(fresh.work, request_id).plan
    for path in map(Path, collected["opened"]):
        assert path.name.startswith("TEST-")
        table = parquet.read_table(path)
        (planned,) = plan.datasets
        assert table.column_names == [c.name for c in planned.columns]
        assert table.num_rows >= plan.limits.k
        for column in planned.columns:
            values = table[column.name].to_pylist()
            if column.treatment_name == "pseudonymise":
                assert all(v.startswith("7e57") for v in values)
            if column.identifier_kind == "nino" and column.treatment_name == "keep":
                assert all(v.startswith("QQ") for v in values)


def test_no_row_of_the_source_is_read(fresh: World) -> None:
    from dataclasses import replace

    blind = replace(fresh.work, sources={})
    entry, folder = rehearse(blind, FIFE, "engineer")
    assert entry.step is Step.PUBLISHED
    lineage = json.loads((folder / "openlineage.json").read_bytes())
    assert lineage["inputs"] == []
    assert ["columnLineage" in output["facets"] for output in lineage["outputs"]] == [False]


def test_with_common_programs_alone_as_its_readme_says(fresh: World, tmp_path: Path) -> None:
    _, folder = sent(fresh)
    here = tmp_path / folder.name
    shutil.copytree(folder, here)
    shutil.copy(fresh.home.people.allowed_signers, here / "allowed_signers")
    readme = (here / "README.txt").read_text()
    assert readme.startswith("TEST: REHEARSAL TEST-SDDSB")
    commands = readme.replace("\\\n        ", "")
    lines = [line.strip() for line in commands.splitlines() if line.startswith("    ssh-keygen -Y verify")]
    assert "-n extract-manifest-test " in lines[0]
    for line in ["sha256sum -c SHA256SUMS", *lines]:
        done = subprocess.run(line, shell=True, cwd=here, capture_output=True, text=True, env={**os.environ})
        assert done.returncode == 0, (line, done.stderr)
    start, end = readme.index("    printf '%s'"), readme.index("    ssh-keygen -Y sign")
    key = fresh.home.people.receipt_key(WHO[FIFE])
    sign = readme[end:].splitlines()[0].replace("YOUR_SIGNING_KEY", str(key))
    done = subprocess.run(readme[start:end] + sign, shell=True, cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for path in tmp_path.glob("TEST-*.receipt.json*"):
        shutil.copy(path, inbox(fresh) / path.name)
    assert len(take_receipts(fresh.work).taken) == 1
    assert there(fresh).step is Step.ACKNOWLEDGED


# --- never one for the other ------------------------------------------------------------------------------------------


def test_a_rehearsal_never_verifies_as_a_delivery_nor_a_delivery_as_a_rehearsal(
    fresh: World, published_world: World
) -> None:
    _, folder = sent(fresh)
    signers = fresh.home.people.allowed_signers
    now = fresh.work.now()
    assert verify_delivery(folder, signers, now, rehearsal=True).passed
    real = verify_delivery(folder, signers, now)
    assert (real.passed, "is a rehearsal's" in str(real.failed[0])) == (False, True)
    assert not any(v.passed for v in verify(folder.parent, signers, now))
    assert all(v.passed for v in verify(folder.parent, signers, now, rehearsal=True))
    (delivered,) = published_world.deliveries(FIFE)
    test = verify_delivery(delivered, signers, now, rehearsal=True)
    assert (test.passed, "no rehearsal's" in str(test.failed[0])) == (False, True)
    assert not any(v.passed for v in verify(delivered.parent, signers, now, rehearsal=True))


def test_a_rehearsal_that_is_renamed_is_not_collected_as_a_delivery(fresh: World, tmp_path: Path) -> None:
    _, folder = sent(fresh)
    folder.parent.rename(folder.parent.with_name(FIFE))
    said = collect(fresh, tmp_path / "council", "--json")
    assert (said.code, said.json["collected"]) == (1, [])
    assert "does not verify" in said.json["problems"][FIFE]


def test_receipts_of_rehearsals_and_of_deliveries_are_never_taken_for_each_other(fresh: World) -> None:
    entry, folder = sent(fresh)
    data = (folder / MANIFEST).read_bytes()
    said = receipt_for(
        read_manifest(data)[0], digest_bytes(data), ReceiptResult.DECRYPTED, fresh.work.now(), "by hand"
    ).text()
    twin = signing.test_namespace(signing.RECEIPT)
    for name, namespace, objection in (
        ("x.receipt.json", signing.RECEIPT, "rehearsal and delivery mixed up"),
        ("x.receipt.json", twin, "not signed by a key of yours"),
        ("TEST-x.receipt.json", signing.RECEIPT, "not signed by a key of yours"),
    ):
        put(fresh, name, said, namespace)
        assert [d.objection for d in take_receipts(fresh.work).dealt] == [objection]
        assert there(fresh).step is Step.PUBLISHED
    with reading(fresh.work.register) as view:
        bodies = [
            k.notice.body for k in outbox.list_notices(view, request_id=FIFE) if k.notice.kind == "receipt refused"
        ]
    assert any("file name that begins with TEST-" in body for body in bodies), "its recipient is told"
    real = said.replace(entry.rehearsal_id.encode(), entry.rehearsal_id.removeprefix("TEST-").encode())
    put(fresh, "TEST-y.receipt.json", real, twin)
    assert [d.objection for d in take_receipts(fresh.work).dealt] == ["rehearsal and delivery mixed up"]
    put(fresh, "TEST-z.receipt.json", said, twin)
    assert len(take_receipts(fresh.work).taken) == 1
    put(fresh, "TEST-z.receipt.json", said, twin)
    assert [d.objection for d in take_receipts(fresh.work).dealt] == ["taken before"]


# --- repeated, given up, waived ---------------------------------------------------------------------------------------


def test_another_rehearsal_takes_the_place_of_one_that_nobody_acknowledged(fresh: World, tmp_path: Path) -> None:
    first, folder = sent(fresh)
    collect(fresh, tmp_path / "council")
    late = {p.name: p.read_bytes() for p in inbox(fresh).iterdir()}
    for path in list(inbox(fresh).iterdir()):
        path.unlink()
    second, _ = sent(fresh)
    assert (first.number + 1, folder.exists()) == (second.number, False)
    for name, data in late.items():
        (inbox(fresh) / name).write_bytes(data)
    assert [d.objection for d in take_receipts(fresh.work).dealt] == ["the rehearsal is over"]
    assert collect(fresh, tmp_path / "council").code == 0
    assert tick(fresh.work).taken == 1
    assert missing_rehearsal(fresh.work, approved_now(fresh.work, FIFE)) is None


def test_one_that_waits_too_long_or_whose_agreement_ended_is_taken_away(fresh: World) -> None:
    sent(fresh)
    sent(fresh, ANALYSTS)
    fresh.order(ANALYSTS, OrderKind.REVOKE)
    tick(fresh.work)
    assert (there(fresh, ANALYSTS).outcome, there(fresh, ANALYSTS).in_area) == (Step.ENDED, False)
    day = working_days_after(fresh.work.now().date(), 21, BOTH_NATIONS)
    fresh.later(days=(day - fresh.work.today()).days)
    tick(fresh.work)
    assert (there(fresh).outcome, there(fresh).in_area) == (Step.ENDED, False)


def test_a_publisher_that_was_killed_leaves_what_the_next_one_replaces(
    fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from extracts.steps import rehearsing

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rehearsing, "_tell", killed)
    with pytest.raises(KeyboardInterrupt):
        sent(fresh)
    assert there(fresh).step is Step.PREPARED
    assert fresh.staged() == []
    monkeypatch.undo()
    second, folder = sent(fresh)
    assert second.number == 2
    assert [p.name for p in folder.parent.iterdir() if p.is_dir()] == [second.rehearsal_id]


def test_the_controller_waives_it_in_an_emergency_where_the_policy_lets_it(fresh: World) -> None:
    waive = ("--waive", "--reasons", "Payments are due tomorrow.")
    said = extracts(fresh, "rehearse", SCP, *waive, "--as-user", "engineer")
    assert (said.code, "only the Controller may" in said.text) == (1, True)
    said = extracts(fresh, "rehearse", ANALYSTS, *waive, "--as-user", "controller@dwp.example")
    assert (said.code, "criticality analysis go without" in said.text) == (1, True)
    assert extracts(fresh, "rehearse", SCP, "--waive").code == 2
    said = extracts(fresh, "rehearse", SCP, *waive, "--as-user", "controller@dwp.example")
    assert said.code == 0, said.text
    assert [e.payload["criticality"] for e in fresh.ledger("rehearsal.waived")] == ["entitlement"]
    assert missing_rehearsal(fresh.work, approved_now(fresh.work, SCP)) is None


def test_a_service_that_may_not_sign_rehearsals_says_whom_to_ask(fresh: World) -> None:
    signers = fresh.home.people.allowed_signers
    signers.write_text(signers.read_text().replace(",extract-manifest-test,extract-index-test", ""))
    said = extracts(fresh, "rehearse", FIFE)
    assert said.code == 1
    assert "may not sign rehearsals" in said.text
    assert "to add extract-manifest-test" in said.text
    assert there_is_none(fresh)


def there_is_none(world: World) -> bool:
    with reading(world.work.register) as view:
        return not rehearsals.list_rehearsals(view)
