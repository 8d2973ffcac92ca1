"""Stage 6, handing over: what a recipient's verification believes, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from extracts import signing
from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.plan import Criticality
from extracts.canonical import canonical_json, digest_bytes
from extracts.catalogue.contract import ColumnType
from extracts.errors import UsageError, VerificationFailed
from extracts.handover.chain import anchors_in
from extracts.handover.findings import Verification
from extracts.handover.parquet import FooterNotReadable, Tail, read_footer
from extracts.handover.verify import verify_delivery
from tests.support.builders import a_dataset, a_decision, a_plan, a_planned_dataset, an_identified_plan, some_limits
from tests.support.deliveries import (
    NOW,
    MadeDelivery,
    a_delivery,
    a_parquet_file,
    an_age_identity,
    as_a_rehearsal,
    with_agreement,
    with_delivery,
)
from tests.support.keys import Keys, make_keys


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("verification"), keys)


def verified(made: MadeDelivery, keys: Keys, now: datetime = NOW) -> Verification:
    return verify_delivery(made.folder, keys.allowed_signers, now, made.identity)


def why(verification: Verification) -> str:
    assert not verification.passed
    return "; ".join(map(str, verification.failed))


# --- a good delivery ------------------------------------------------------------------------------------------------


def test_it_says_in_plain_words_what_it_checked_and_against_whose_signature(delivery: MadeDelivery, keys: Keys) -> None:
    found = verified(delivery, keys)
    assert found.passed
    text = "\n".join(found.sentences())
    assert text.startswith("SDDSB-2026-027.2026-11.r1 is what its signers approved and signed.")
    for said in (
        f"manifest.json: is signed by {keys.principal('service')} (SHA256:",
        f"decision.json is signed by {keys.principal('board')} (SHA256:",
        f"decision.json is signed by {keys.principal('controller')} (SHA256:",
        "plan.json: is the plan that the decision binds, byte for byte",
        "all 7 columns with their treatments are those of the approved plan",
        "exactly the 11 files",
        "opens to the file that was inspected",
        "exactly the 7 approved columns, their types, and 20 rows",
    ):
        assert said in text, said


def test_it_says_what_it_could_not_check_and_why(delivery: MadeDelivery, keys: Keys) -> None:
    without_key = verify_delivery(delivery.folder, keys.allowed_signers, NOW)
    assert without_key.passed
    said = [str(f) for f in without_key.not_checked]
    assert "what is inside the encrypted files: no private key was given (--identity)" in said
    assert any("suspended or revoked" in s for s in said)
    assert any("recorded times" in s for s in said)


def test_the_result_can_be_had_as_json(delivery: MadeDelivery, keys: Keys) -> None:
    document = json.loads(json.dumps(verified(delivery, keys).document()))
    assert document["passed"] is True
    assert {f["result"] for f in document["findings"]} == {"checked", "not checked"}


def test_an_ssh_key_opens_a_delivery_too(tmp_path: Path, own_keys: Keys) -> None:
    made = a_delivery(tmp_path / "d", own_keys, recipients=(own_keys.public("recipient"),))
    found = verify_delivery(made.folder, own_keys.allowed_signers, NOW, own_keys.private("recipient"))
    assert found.passed
    assert "same SHA-256" in "\n".join(found.sentences())


def test_an_identified_delivery_of_an_event_dataset_verifies(tmp_path: Path, keys: Keys) -> None:
    assert verified(a_delivery(tmp_path, keys, plan=an_identified_plan()), keys).passed


def test_a_delivery_of_two_datasets_verifies_and_explains_both(tmp_path: Path, keys: Keys) -> None:
    second = a_planned_dataset(a_dataset("benefit_cap"), (("nino", "pseudonymise", ()), ("children", "keep", ())))
    made = a_delivery(tmp_path, keys, plan=a_plan(datasets=(a_planned_dataset(), second)))
    found = verified(made, keys)
    assert found.passed, found.sentences()
    opened = {f.file for f in found.checked if "same SHA-256" in f.what}
    assert opened == {"pension_credit_award.parquet.age", "benefit_cap.parquet.age"}
    explained = {f.file for f in found.checked if "explains all" in f.what}
    assert explained == {"contract.pension_credit_award.yaml", "contract.benefit_cap.yaml"}


def test_a_correction_verifies(tmp_path: Path, keys: Keys) -> None:
    from tests.support.deliveries import revised

    assert verified(a_delivery(tmp_path, keys, manifest=revised), keys).passed


def test_a_rehearsal_counts_only_as_a_rehearsal(tmp_path: Path, keys: Keys) -> None:
    twin = signing.test_namespace(signing.MANIFEST)
    trial = a_delivery(tmp_path / "trial", keys, manifest=as_a_rehearsal, namespace=twin)
    assert verify_delivery(trial.folder, keys.allowed_signers, NOW, rehearsal=True).passed
    assert "manifest.json: is a rehearsal's" in why(verified(trial, keys))
    for name, namespace, manifest in (
        ("a delivery in the namespace of rehearsals", twin, lambda m: m),
        ("a rehearsal in the namespace of deliveries", signing.MANIFEST, as_a_rehearsal),
        ("a delivery", signing.MANIFEST, lambda m: m),
    ):
        made = a_delivery(tmp_path / name, keys, manifest=manifest, namespace=namespace)
        found = verify_delivery(made.folder, keys.allowed_signers, NOW, rehearsal=True)
        assert "manifest.json" in why(found), name
        if name != "a delivery":
            assert not verified(made, keys).passed, name


# --- the manifest's signature ---------------------------------------------------------------------------------------


def test_a_manifest_signed_by_a_stranger_is_refused(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path, keys, signed_by="stranger")
    assert "manifest.json: The extract-manifest signature is by a key that" in why(verified(made, keys))


@pytest.mark.parametrize("decider", ["board", "controller"])
def test_a_manifest_signed_by_a_decider_is_refused(tmp_path: Path, keys: Keys, decider: str) -> None:
    made = a_delivery(tmp_path, keys, signed_by=decider)
    assert "manifest.json" in why(verified(made, keys))


def test_a_manifest_signed_for_another_purpose_is_refused(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path, keys, namespace=signing.INDEX)
    assert "manifest.json" in why(verified(made, keys))


def test_a_manifest_that_names_another_signer_is_refused(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path, keys, manifest=lambda m: replace(m, signer="someone@example.test"))
    assert "but names someone@example.test" in why(verified(made, keys))


def test_a_manifest_from_the_future_is_refused(delivery: MadeDelivery, keys: Keys) -> None:
    made_at = delivery.assembled.manifest.delivery.made_at
    assert verified(delivery, keys, made_at).passed
    assert "made in the future" in why(verified(delivery, keys, made_at - timedelta(hours=1)))


def test_a_service_key_that_expired_since_does_not_unsign_and_one_that_had_expired_does(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    keys.add("expired", signing.MANIFEST, before=datetime(2026, 11, 1, tzinfo=UTC))
    keys.add("renewed", signing.MANIFEST, before=datetime(2026, 11, 30, tzinfo=UTC))
    for name, holds in (("expired", False), ("renewed", True)):
        principal = keys.principal(name)
        made = a_delivery(tmp_path / name, keys, signed_by=name, manifest=lambda m, p=principal: replace(m, signer=p))
        later = datetime(2027, 6, 1, tzinfo=UTC)
        assert verified(made, keys, later).passed is holds


def test_a_signers_file_that_came_with_the_delivery_counts_for_nothing(tmp_path: Path, keys: Keys) -> None:
    strangers = make_keys(tmp_path / "strangers")
    made = a_delivery(tmp_path / "d", strangers)
    assert verified(made, strangers).passed
    shutil.copy(strangers.allowed_signers, made.folder / "allowed_signers")
    assert "manifest.json" in why(verified(made, keys))


def test_without_a_signers_file_nothing_is_judged(delivery: MadeDelivery, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="allowed signers"):
        verify_delivery(delivery.folder, tmp_path / "none", NOW)
    empty = tmp_path / "empty"
    empty.write_text("")
    assert not verify_delivery(delivery.folder, empty, NOW).passed


# --- the two people -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deciders", "file"),
    [
        (("stranger", "controller"), "decision.board.sig"),
        (("board", "stranger"), "decision.controller.sig"),
        (("controller", "board"), "decision.board.sig"),
        (("requester", "controller"), "decision.board.sig"),
        (("service", "controller"), "decision.board.sig"),
    ],
)
def test_a_decision_not_signed_in_both_roles_is_refused(
    tmp_path: Path, keys: Keys, deciders: tuple[str, str], file: str
) -> None:
    made = a_delivery(tmp_path, keys, deciders=deciders)
    assert f"{file}: " in why(verified(made, keys))


@pytest.mark.parametrize("field", ["principal", "key"])
def test_a_manifest_that_names_another_decider_than_the_one_who_signed_is_refused(
    tmp_path: Path, keys: Keys, field: str
) -> None:
    def other(m):
        return with_agreement(m, board=replace(m.agreement.board, **{field: "someone else"}))

    assert "decision.board.sig: is by board@" in why(verified(a_delivery(tmp_path, keys, manifest=other), keys))


def test_one_person_in_both_roles_is_refused(tmp_path: Path, own_keys: Keys) -> None:
    own_keys.add("both", signing.DECISION_BOARD, signing.DECISION_CONTROLLER)
    made = a_delivery(tmp_path / "d", own_keys, deciders=("both", "both"))
    assert "three signers with three keys" in why(verified(made, own_keys))


def test_one_key_under_two_names_is_refused(tmp_path: Path, own_keys: Keys) -> None:
    shutil.copy(own_keys.private("board"), own_keys.private("alias"))
    shutil.copy(own_keys.folder / "board.pub", own_keys.folder / "alias.pub")
    own_keys.allowed_signers.write_text(
        f"{own_keys.principal('service')} {own_keys.public('service')}"
        f"{own_keys.principal('board')},{own_keys.principal('alias')} {own_keys.public('board')}"
    )
    made = a_delivery(tmp_path / "d", own_keys, deciders=("board", "alias"))
    assert not verified(made, own_keys).passed


def test_the_service_in_the_role_of_a_decider_is_refused(tmp_path: Path, own_keys: Keys) -> None:
    own_keys.add("service", signing.DECISION_BOARD)
    made = a_delivery(tmp_path / "d", own_keys, deciders=("service", "controller"))
    assert not verified(made, own_keys).passed


def test_deciders_are_judged_at_the_recorded_time(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    keys.add("left", signing.DECISION_BOARD, before=datetime(2026, 6, 1, tzinfo=UTC))
    keys.add("gone", signing.DECISION_BOARD, before=datetime(2026, 1, 1, tzinfo=UTC))
    for name, holds in (("left", True), ("gone", False)):
        made = a_delivery(tmp_path / name, keys, deciders=(name, "controller"))
        assert verified(made, keys).passed is holds


def test_a_compromised_key_taken_off_the_list_voids_what_it_signed(tmp_path: Path, own_keys: Keys) -> None:
    made = a_delivery(tmp_path / "d", own_keys)
    assert verified(made, own_keys).passed
    lines = own_keys.allowed_signers.read_text().splitlines(keepends=True)
    own_keys.allowed_signers.write_text("".join(x for x in lines if not x.startswith(own_keys.principal("board"))))
    assert "decision.board.sig" in why(verified(made, own_keys))


def test_a_signature_recorded_before_the_decision_was_drawn_up_is_refused(tmp_path: Path, keys: Keys) -> None:
    plan = a_plan()
    decision = a_decision(plan, drawn_up_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert "was drawn up after" in why(verified(a_delivery(tmp_path, keys, plan=plan, decision=decision), keys))


def test_a_signature_recorded_after_the_manifest_was_made_is_refused(tmp_path: Path, keys: Keys) -> None:
    def late(m):
        return with_agreement(m, board=replace(m.agreement.board, recorded_at=NOW))

    assert "decision.board.sig: was recorded after" in why(verified(a_delivery(tmp_path, keys, manifest=late), keys))


# --- the decision and the plan, with a service key in the wrong hands -----------------------------------------------


def test_a_decision_on_another_plan_is_refused(tmp_path: Path, keys: Keys) -> None:
    """Both signatures are valid, but for another plan of the same request."""
    other = a_decision(a_plan(retention_days=30))
    made = a_delivery(tmp_path, keys, plan=a_plan(), decision=other)
    assert "plan.json: is not the plan that was approved: the decision binds" in why(verified(made, keys))


def test_a_decision_on_another_request_is_refused(tmp_path: Path, keys: Keys) -> None:
    plan = a_plan()
    other = replace(a_decision(a_plan(request_id="SDDSB-2026-001")), plan_digest=plan.digest)
    made = a_delivery(tmp_path, keys, plan=plan, decision=other)
    assert "its request differs" in why(verified(made, keys))


@pytest.mark.parametrize("outcome", [DecisionOutcome.REFUSE, DecisionOutcome.RETURN])
def test_a_refusal_approves_nothing(tmp_path: Path, keys: Keys, outcome: DecisionOutcome) -> None:
    plan = a_plan()
    made = a_delivery(tmp_path, keys, plan=plan, decision=a_decision(plan, outcome=outcome))
    assert "approves nothing" in why(verified(made, keys))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipient": "fife-council"}, "recipient differs"),
        ({"gateway": "welfare-reform-act-2012-s131"}, "gateway differs"),
        ({"purpose_code": "another"}, "purpose differs"),
        ({"criticality": Criticality.ENTITLEMENT}, "criticality differs"),
        ({"retention_days": 10}, "retention differs"),
        ({"limits": some_limits(max_rows=10)}, "20 rows, more than the plan's limit of 10"),
        ({"end_on": date(2027, 12, 30)}, "said to last until 2027-12-31, and the plan ends on 2027-12-30"),
        ({"limits": some_limits(k=50)}, "smallest group of 50 people"),
        ({"datasets": (a_planned_dataset(columns=(("sex", "keep", ()),)),)}, "other columns or treatments"),
        ({"datasets": (a_planned_dataset(a_dataset(view_digest="sha256:" + "c" * 64)),)}, "from another view"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_delivery_that_the_approved_plan_does_not_allow_is_refused(
    tmp_path: Path, keys: Keys, change: dict, said: str
) -> None:
    """The manifest describes the delivery that a_plan() allows; what was approved is another plan."""
    good = a_delivery(tmp_path / "good", keys)
    facts = good.assembled.manifest
    approved = a_plan(**change)
    made = a_delivery(
        tmp_path / "bad",
        keys,
        plan=approved,
        clear=good.clear.read_bytes(),
        manifest=lambda m: replace(
            facts,
            files=(replace(m.files[0], columns=facts.files[0].columns, rows=20),),
            agreement=replace(
                facts.agreement, plan_digest=approved.digest, decision_digest=m.agreement.decision_digest
            ),
        ),
    )
    found = why(verified(made, keys))
    assert "manifest.json: does not follow the approved plan: " in found
    assert said in found


def test_rows_are_counted_over_all_files(tmp_path: Path, keys: Keys) -> None:
    second = a_planned_dataset(a_dataset("benefit_cap"), (("nino", "pseudonymise", ()), ("children", "keep", ())))
    for most, holds in ((40, True), (39, False)):
        plan = a_plan(datasets=(a_planned_dataset(), second), limits=some_limits(max_rows=most))
        made = a_delivery(tmp_path / str(most), keys, plan=plan, rows=20)
        found = verified(made, keys)
        assert found.passed is holds
        assert holds or "all files together have 40 rows" in why(found)


def test_data_kept_longer_than_agreed_are_refused(tmp_path: Path, keys: Keys) -> None:
    def longer(m):
        return replace(m, handling=replace(m.handling, destroy_by=m.handling.destroy_by + timedelta(days=1)))

    assert "kept longer than agreed" in why(verified(a_delivery(tmp_path, keys, manifest=longer), keys))


def test_a_group_smaller_than_approved_is_refused(tmp_path: Path, keys: Keys) -> None:
    def small(m):
        return replace(m, disclosure=(replace(m.disclosure[0], smallest_group=9),))

    assert "smallest group of 10 people" in why(verified(a_delivery(tmp_path, keys, manifest=small), keys))


def test_a_plan_with_fields_that_this_version_does_not_know_is_not_half_understood(tmp_path: Path, keys: Keys) -> None:
    plan = Newer(a_plan())
    made = a_delivery(tmp_path, keys, plan=plan, decision=a_decision(plan))
    assert "plan.json: says more than this version" in why(verified(made, keys))


def test_a_decision_with_fields_that_this_version_does_not_know_is_not_half_understood(
    tmp_path: Path, keys: Keys
) -> None:
    made = a_delivery(tmp_path, keys, decision=Newer(a_decision()))
    assert "decision.json: is not in the one form that is signed, or from a newer" in why(verified(made, keys))


class Newer:
    """A plan or decision of a later version: one field more."""

    def __init__(self, old: object) -> None:
        self.old = old

    def __getattr__(self, name: str) -> object:
        return getattr(self.old, name)

    def canonical(self) -> bytes:
        return canonical_json(self.old.document() | {"onward_to": "everyone"})

    @property
    def digest(self) -> str:
        return digest_bytes(self.canonical())


# --- the files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(delivery: MadeDelivery, tmp_path: Path) -> MadeDelivery:
    target = tmp_path / delivery.folder.name
    shutil.copytree(delivery.folder, target)
    return replace(delivery, assembled=replace(delivery.assembled, folder=target))


def test_a_missing_file_is_named(copy: MadeDelivery, keys: Keys) -> None:
    for path in sorted(copy.folder.iterdir()):
        data = path.read_bytes()
        path.unlink()
        assert f"{path.name}: is " in why(verified(copy, keys)), path.name
        path.write_bytes(data)
    assert verified(copy, keys).passed


@pytest.mark.parametrize(
    "name", ["notes.txt", ".hidden", "manifest.json.bak", "pension_credit_award.parquet", "a\x1b[2Jb"]
)
def test_a_file_too_many_is_named(copy: MadeDelivery, keys: Keys, name: str) -> None:
    (copy.folder / name).write_text("")
    found = why(verified(copy, keys))
    assert "does not belong to this delivery" in found
    assert "\x1b" not in found


def test_a_folder_a_link_and_a_pipe_are_named_and_never_followed(
    copy: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    readme = copy.folder / "README.txt"
    elsewhere = tmp_path / "elsewhere"
    readme.rename(elsewhere)
    readme.symlink_to(elsewhere)
    (copy.folder / "folder").mkdir()
    os.mkfifo(copy.folder / "pipe")
    found = why(verified(copy, keys))
    for name in ("README.txt", "folder", "pipe"):
        assert f"{name}: cannot be read as a file" in found


def test_two_files_swapped_are_both_named(copy: MadeDelivery, keys: Keys) -> None:
    one, other = copy.folder / "decision.board.sig", copy.folder / "decision.controller.sig"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert {"decision.board.sig", "decision.controller.sig"} <= {f.file for f in verified(copy, keys).failed}


def test_a_manifest_of_another_delivery_is_refused(copy: MadeDelivery, keys: Keys, tmp_path: Path) -> None:
    other = a_delivery(
        tmp_path / "other", keys, manifest=lambda m: with_delivery(m, data_as_at=m.delivery.extracted_at)
    )
    for name in ("manifest.json", "manifest.json.sig"):
        shutil.copy(other.folder / name, copy.folder / name)
    assert not verified(copy, keys).passed


def test_what_is_no_folder_is_a_usage_error(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(UsageError, match="cannot be read as a folder"):
        verify_delivery(tmp_path / "none", keys.allowed_signers, NOW)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "manifest.json: is missing" in why(verify_delivery(empty, keys.allowed_signers, NOW))


def test_a_failed_verification_can_be_raised(copy: MadeDelivery, keys: Keys) -> None:
    verified(copy, keys).check()
    (copy.folder / "README.txt").write_text("come here")
    with pytest.raises(VerificationFailed, match=r"README\.txt: was changed"):
        verified(copy, keys).check()


# --- what is inside -------------------------------------------------------------------------------------------------


def test_a_file_encrypted_to_others_is_named(delivery: MadeDelivery, keys: Keys, tmp_path: Path) -> None:
    an_age_identity(tmp_path / "other.txt")
    found = verify_delivery(delivery.folder, keys.allowed_signers, NOW, tmp_path / "other.txt")
    assert "parquet.age: pension_credit_award.parquet.age is not encrypted to the identity other.txt" in why(found)


def test_another_clear_file_than_the_signed_one_is_refused(tmp_path: Path, keys: Keys) -> None:
    def lying(m):
        return replace(m, files=(replace(m.files[0], clear_sha256="sha256:" + "0" * 64),))

    assert "opens to another file" in why(verified(a_delivery(tmp_path, keys, manifest=lying), keys))


def test_a_column_too_many_is_found_inside(tmp_path: Path, keys: Keys) -> None:
    plan = a_plan()
    wide = a_planned_dataset(columns=(*_treatments(plan), ("surname", "keep", ())))
    a_parquet_file(tmp_path / "wide.parquet", wide, 20)
    made = a_delivery(tmp_path / "d", keys, plan=plan, clear=(tmp_path / "wide.parquet").read_bytes())
    assert "surname instead of the approved ones" in why(verified(made, keys))


def test_a_type_that_was_not_approved_is_found_inside(tmp_path: Path, keys: Keys) -> None:
    plan = a_plan()
    [planned] = plan.datasets
    retyped = replace(
        planned, columns=(*planned.columns[:-1], replace(planned.columns[-1], delivered_type=ColumnType.DATE))
    )
    a_parquet_file(tmp_path / "retyped.parquet", retyped, 20)
    made = a_delivery(tmp_path / "d", keys, plan=plan, clear=(tmp_path / "retyped.parquet").read_bytes())
    assert "column started_on_quarter is date32[day], where string was approved" in why(verified(made, keys))


def test_more_rows_than_stated_are_found_inside(tmp_path: Path, keys: Keys) -> None:
    a_parquet_file(tmp_path / "long.parquet", a_planned_dataset(), 21)
    made = a_delivery(tmp_path / "d", keys, clear=(tmp_path / "long.parquet").read_bytes())
    assert "has 21 rows, where the manifest says 20" in why(verified(made, keys))


def test_what_is_no_parquet_file_is_refused(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path, keys, clear=b"not parquet")
    assert "is not a readable Parquet file" in why(verified(made, keys))


def test_a_footer_too_large_to_keep_is_said_not_to_be_checked(
    delivery: MadeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear, tail = delivery.clear.read_bytes(), Tail()
    monkeypatch.setattr("extracts.handover.parquet.KEPT_BYTES", 100)
    for start in range(0, len(clear), 10):
        tail.write(clear[start : start + 10])
    with pytest.raises(FooterNotReadable, match="its footer is larger than 100 bytes"):
        read_footer(tail)


def test_the_end_of_a_file_is_enough_to_read_its_footer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [os.urandom(1000).hex() for _ in range(300)]
    parquet.write_table(pyarrow.table({"noise": rows}), tmp_path / "noise.parquet")
    clear, tail = (tmp_path / "noise.parquet").read_bytes(), Tail()
    monkeypatch.setattr("extracts.handover.parquet.KEPT_BYTES", 100_000)
    for start in range(0, len(clear), 1000):
        tail.write(clear[start : start + 1000])
    assert len(clear) > 300_000
    footer = read_footer(tail)
    assert (footer.columns, footer.rows) == ((("noise", "string"),), 300)


def _treatments(plan) -> tuple:
    return tuple((c.source, c.treatment_name, c.parameters) for c in plan.datasets[0].columns)


# --- anchors --------------------------------------------------------------------------------------------------------


def test_every_signed_manifest_says_where_the_ledger_stood(delivery: MadeDelivery, keys: Keys) -> None:
    [anchor] = anchors_in(delivery.folder.parent, keys.allowed_signers)
    assert (anchor.sequence, anchor.head) == (41, "sha256:" + "b" * 64)
    assert anchor.delivery_id == delivery.id


def test_a_forged_anchor_is_found_and_not_believed(copy: MadeDelivery, keys: Keys) -> None:
    manifest = copy.folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"sequence": 41', b'"sequence": 42'))
    with pytest.raises(VerificationFailed, match="is no anchor"):
        anchors_in(copy.folder, keys.allowed_signers)


def test_a_folder_without_deliveries_has_no_anchors(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(UsageError, match="no anchor"):
        anchors_in(tmp_path, keys.allowed_signers)
