"""Decisions: who may not sign, and what becomes of a published agreement in which somebody edits a line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from extracts import signing
from extracts.agreement.decision import OrderKind, decision_from_document
from extracts.errors import ApprovalMissing, ExtractsError, Outcome, Refused, SignatureInvalid
from extracts.local.home import DemoHome
from extracts.local.people import BOARD, CONTROLLER, SERVICE
from extracts.steps.approval import Approved, approved_now
from extracts.steps.publishing import publish_agreement
from extracts.steps.run import run_step
from tests.support.command_line import extracts
from tests.support.deciding import approved
from tests.support.decision_commands import DEFAULTS, decide, made_key, submit
from tests.support.world import ANALYSTS, FIFE, SCP, World, copied


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each decides about a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("decisions") / "home") as own:
        yield own


def assert_undecided(world: World, request_id: str, status: str = "submitted") -> None:
    assert extracts(world, "request", "show", request_id, "--json").json["status"] == status
    assert not (world.work.places.published / f"{request_id}.json").exists()
    found = world.run(request_id)
    assert found["outcome"] == Outcome.STOPPED
    assert not world.deliveries(request_id)


# --- who signs ---------------------------------------------------------------------------------------------------


def test_one_signature_is_not_a_decision_and_two_are(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 101), shared.home.people
    first = decide(shared, request_id, "board", people.key(BOARD))
    assert first.code == 0, first.text
    assert "the other signature" in first.text
    assert_undecided(shared, request_id, "in review")
    second = decide(shared, request_id, "controller", people.key(CONTROLLER), "--reasons", "")
    assert second.code == 0, second.text
    assert extracts(shared, "request", "show", request_id, "--json").json["status"] == "approved"
    assert (shared.work.places.published / f"{request_id}.json").exists()


def test_a_strangers_signature_counts_for_nothing(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path, 102)
    said = decide(shared, request_id, "board", made_key(shared, "stranger"))
    assert said.code == 1
    assert "does not list" in said.text
    assert_undecided(shared, request_id)


def test_a_listed_key_counts_only_in_its_own_namespace(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 103), shared.home.people
    for role, key in (("controller", BOARD), ("board", CONTROLLER), ("board", SERVICE)):
        said = decide(shared, request_id, role, people.key(key))
        assert said.code == 1, said.text
        assert "SignatureInvalid" in said.err
    assert_undecided(shared, request_id)


def test_a_signature_in_another_namespace_is_refused_though_key_and_bytes_are_right(
    shared: World, tmp_path: Path
) -> None:
    request_id, people = submit(shared, tmp_path, 104), shared.home.people
    printed = extracts(shared, "decide", request_id, "--as", "board", "--print", *DEFAULTS)
    for namespace in (signing.MANIFEST, signing.ORDER, signing.test_namespace(signing.DECISION_BOARD)):
        file = tmp_path / "elsewhere.sig"
        file.write_text(signing.sign(printed.out.encode(), people.key(BOARD), namespace))
        said = extracts(shared, "decide", request_id, "--as", "board", "--signature", file)
        assert said.code == 1, said.text
    assert_undecided(shared, request_id)


def test_one_key_or_one_person_under_two_names_does_not_sign_twice(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 105), shared.home.people
    public = " ".join(people.key(BOARD).with_name(people.key(BOARD).name + ".pub").read_text().split()[:2])
    both = f'namespaces="{signing.DECISION_BOARD},{signing.DECISION_CONTROLLER}"'
    listed = people.allowed_signers.read_text()
    try:
        people.allowed_signers.write_text(f"{CONTROLLER} {both} {public}\n{listed}")
        assert decide(shared, request_id, "board", people.key(BOARD)).code == 1, "the key is listed for another name"
        people.allowed_signers.write_text(f"{BOARD} {both} {public}\n{listed}")
        assert decide(shared, request_id, "board", people.key(BOARD)).code == 0
        said = decide(shared, request_id, "controller", people.key(BOARD), "--reasons", "")
        assert said.code == 1
        assert BOARD in said.text
    finally:
        people.allowed_signers.write_text(listed)
    assert_undecided(shared, request_id, "in review")


def test_a_key_that_has_expired_signs_nothing(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path, 106)
    past = f"{datetime.now(UTC) - timedelta(days=1):%Y%m%d%H%M%SZ}"
    listed = shared.home.people.allowed_signers.read_text()
    try:
        line = f'{BOARD} namespaces="{signing.DECISION_BOARD}",valid-before="{past}" {{key}}'
        said = decide(shared, request_id, "board", made_key(shared, "expired", line))
        assert said.code == 1
        assert "valid at" in said.text
    finally:
        shared.home.people.allowed_signers.write_text(listed)
    assert_undecided(shared, request_id)


def test_the_requester_decides_nothing_even_as_a_listed_member_of_the_board(shared: World, tmp_path: Path) -> None:
    request_id, requester = submit(shared, tmp_path, 107), "callum.requester@fife.example"
    listed = shared.home.people.allowed_signers.read_text()
    governance = shutil.copytree(shared.work.places.governance, tmp_path / "governance")
    parties = (governance / "parties.yaml").read_text()
    role = "roles:\n      - {role: board, valid_from: 2026-01-01}\n"
    head, tail = parties.split(f"id: {requester}")
    (governance / "parties.yaml").write_text(f"{head}id: {requester}{tail.replace('roles:' + chr(10), role, 1)}")
    try:
        line = f'{requester} namespaces="{signing.DECISION_BOARD}" {{key}}'
        key = made_key(shared, "callum", line)
        said = extracts(
            *(shared, "decide", request_id, "--as", "board", "--key", key, *DEFAULTS),
            EXTRACTS_GOVERNANCE=str(governance),
        )
        assert said.code == 1
        assert f"{requester} asked for {request_id} and cannot decide on it" in said.text
        assert decide(shared, request_id, "board", key).code == 1, "nor without the role"
    finally:
        shared.home.people.allowed_signers.write_text(listed)
    assert_undecided(shared, request_id)


def test_who_a_signer_says_to_be_must_be_who_the_key_says(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path, 109)
    said = decide(shared, request_id, "board", shared.home.people.key(BOARD), *DEFAULTS, "--signer", CONTROLLER)
    assert said.code == 1
    assert f"signs as {BOARD}, not as {CONTROLLER}" in said.text
    assert_undecided(shared, request_id)


# --- how they sign -------------------------------------------------------------------------------------------------


def test_a_document_printed_here_and_signed_elsewhere_comes_back_by_file(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 110), shared.home.people
    printed = extracts(shared, "decide", request_id, "--as", "board", "--print", *DEFAULTS)
    assert printed.code == 0
    assert f"-n {signing.DECISION_BOARD}" in printed.text
    for role, principal, namespace in (
        ("board", BOARD, signing.DECISION_BOARD),
        ("controller", CONTROLLER, signing.DECISION_CONTROLLER),
    ):
        again = extracts(shared, "decide", request_id, "--as", role, "--print")
        assert again.out == printed.out, "both sign the same bytes"
        file = tmp_path / f"{role}.sig"
        file.write_text(signing.sign(again.out.encode(), people.key(principal), namespace))
        said = extracts(shared, "decide", request_id, "--as", role, "--signature", file)
        assert said.code == 0, said.text
    assert extracts(shared, "request", "show", request_id, "--json").json["status"] == "approved"


def test_a_signature_over_other_bytes_is_refused(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 111), shared.home.people
    printed = extracts(shared, "decide", request_id, "--as", "board", "--print", *DEFAULTS)
    edited = printed.out.replace("proportionate", "disproportionate")
    file = tmp_path / "board.sig"
    file.write_text(signing.sign(edited.encode(), people.key(BOARD), signing.DECISION_BOARD))
    said = extracts(shared, "decide", request_id, "--as", "board", "--signature", file)
    assert said.code == 1
    assert "does not verify" in said.text
    assert_undecided(shared, request_id)


@pytest.mark.parametrize("content", [None, b"", b"not a signature", b"\xff\xfe\x00"])
def test_a_signature_file_that_is_none_is_told_so(shared: World, tmp_path: Path, content: bytes | None) -> None:
    request_id = submit(shared, tmp_path, 112)
    assert extracts(shared, "decide", request_id, "--as", "board", "--print", *DEFAULTS).code == 0
    file = tmp_path / "board.sig"
    if content is not None:
        file.write_bytes(content)
    said = extracts(shared, "decide", request_id, "--as", "board", "--signature", file)
    assert said.code in (1, 2)
    assert said.err.strip()
    assert_undecided(shared, request_id)


def test_an_approval_in_part_binds_the_smaller_plan(shared: World, tmp_path: Path) -> None:
    request_id, people = submit(shared, tmp_path, 113), shared.home.people
    terms = ("--refuse-column", "forenames", *DEFAULTS)
    assert decide(shared, request_id, "board", people.key(BOARD), *terms).code == 0
    assert decide(shared, request_id, "controller", people.key(CONTROLLER), "--reasons", "").code == 0
    published = json.loads((shared.work.places.published / f"{request_id}.json").read_text())
    columns = [c["name"] for c in published["plan"]["datasets"][0]["columns"]]
    assert "forenames" not in columns
    assert "surname" in columns
    assert published["decision"]["outcome"] == "approve in part"
    asked = extracts(shared, "request", "check", tmp_path / "request.yaml", "--json").json
    assert asked["plan_digest"] != published["decision"]["plan_digest"]


@pytest.mark.parametrize(("outcome", "status", "number"), [("refuse", "refused", 115), ("return", "returned", 116)])
def test_what_is_refused_or_returned_never_runs(
    shared: World, tmp_path: Path, outcome: str, status: str, number: int
) -> None:
    request_id, people = submit(shared, tmp_path, number), shared.home.people
    terms = ("--outcome", outcome, "--reasons", "Ask for less.", "--acceptable", "Without names.")
    assert decide(shared, request_id, "board", people.key(BOARD), *terms).code == 0
    if outcome == "refuse":  # a return closes nothing, so one signature does
        assert decide(shared, request_id, "controller", people.key(CONTROLLER), *terms).code == 0
    shown = extracts(shared, "request", "show", request_id, "--json").json
    assert shown["status"] == status
    assert "Ask for less." in " ".join(shown["history"])
    assert shared.run(request_id)["outcome"] == Outcome.STOPPED
    said = decide(shared, request_id, "board", people.key(BOARD))
    assert said.code == 1
    assert f"{request_id} version 1 is {status}" in said.text


def test_what_the_policy_stops_cannot_be_approved(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path, 117, "refused-bank-details")
    said = decide(shared, request_id, "board", shared.home.people.key(BOARD))
    assert said.code == 1
    assert f"{request_id} cannot be approved" in said.text
    assert_undecided(shared, request_id)


@pytest.mark.parametrize("missing", ["outcome", "role", "both keys", "no key"])
def test_a_call_that_makes_no_sense_is_a_usage_error(shared: World, tmp_path: Path, missing: str) -> None:
    request_id, key = submit(shared, tmp_path, 118), str(shared.home.people.key(BOARD))
    calls = {
        "outcome": ("--as", "board", "--key", key),
        "role": ("--as", "king", "--key", key, *DEFAULTS),
        "both keys": ("--as", "board", "--key", key, "--signature", key, *DEFAULTS),
        "no key": ("--as", "board", *DEFAULTS),
    }
    said = extracts(shared, "decide", request_id, *calls[missing])
    assert said.code == 2, said.text
    assert_undecided(shared, request_id)


# --- the published file ----------------------------------------------------------------------------------------------


def published(world: World, request_id: str) -> Path:
    return world.work.places.published / f"{request_id}.json"


def edit(world: World, change: Callable[[Any], object], request_id: str = FIFE) -> None:
    file = published(world, request_id)
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def _put(*path: Any) -> Callable[[Any], None]:
    """Set the value (the last of `path`) at the keys before it."""

    def change(document: Any) -> None:
        *steps, last, value = path
        for step in steps:
            document = document[step]
        assert document[last] != value, "nothing would be edited"
        document[last] = value

    return change


def _drop(*path: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


DATASET = ("plan", "datasets", 0)
EDITS: dict[str, Callable[[Any], object]] = {
    "another treatment in the plan": _put(*DATASET, "columns", 0, "treatment", "present@1"),
    "one column more in the plan": lambda d: d["plan"]["datasets"][0]["columns"].append(
        {**d["plan"]["datasets"][0]["columns"][0], "name": "journal_note", "source": "journal_note"}
    ),
    "one column less in the plan": _drop(*DATASET, "columns", 0),
    "another recipient in the plan": _put("plan", "recipient", "social-security-scotland"),
    "another end in the plan": _put("plan", "end_on", "2099-12-31"),
    "a larger limit in the plan": _put("plan", "limits", "max_rows", 99_999_999),
    "no filter in the plan": _put(*DATASET, "conditions", []),
    "a field that the plan does not have": lambda d: d["plan"].update(extra=1),
    "another validity in the decision": _put("decision", "valid_until", "2099-12-31"),
    "another outcome in the decision": _put("decision", "outcome", "refuse"),
    "other reasons in the decision": _put("decision", "reasons", "Because."),
    "a condition in the decision": lambda d: d["decision"].update(conditions=["Whatever."]),
    "another delegation": _put("decision", "delegation", "nobodys"),
    "another plan digest in the decision": _put("decision", "plan_digest", "sha256:" + "0" * 64),
    "another version decided": _put("decision", "request_version", 2),
    "another request": _put("request", "document", "title", "Something else"),
    "another id in the request's facts": _put("request", "id", ANALYSTS),
    "another title in the request's facts": _put("request", "title", "Something else"),
    "another retention in the request's facts": _put("request", "retention_days", 9999),
    "another basis in the request's facts": _put("request", "lawful_basis", "article_6", "6(1)(a)"),
    "no special conditions in the request's facts": _put("request", "special_conditions", ["Do as you like."]),
    "no board": _drop("signatures", "board"),
    "an empty signature": _put("signatures", "board", "signature", ""),
    "the board's signature twice": lambda d: d["signatures"]["controller"].update(
        signature=d["signatures"]["board"]["signature"]
    ),
    "signatures swapped": lambda d: d.update(
        signatures={"board": d["signatures"]["controller"], "controller": d["signatures"]["board"]}
    ),
    "a signature with one letter changed": lambda d: d["signatures"]["board"].update(
        signature=d["signatures"]["board"]["signature"].replace("A", "B", 9)
    ),
    "a time that is none": _put("signatures", "board", "recorded_at", "yesterday"),
    "a time without a zone": _put("signatures", "board", "recorded_at", "2026-01-01T00:00:00"),
    "an earlier time of signing": _put("signatures", "board", "recorded_at", "2026-01-01T00:00:00Z"),
    "an order from nowhere": lambda d: d["orders"].append(
        {
            "order": {
                "request_id": FIFE,
                "number": 1,
                "kind": "resume",
                "decision_digest": "sha256:" + "0" * 64,
                "reasons": "I say so.",
                "ordered_at": "2026-01-01T00:00:00Z",
            },
            **d["signatures"]["controller"],
        }
    ),
    "another format": _put("format", "governed-extracts/agreement/2"),
    "a field more": lambda d: d.update(approved=True),
    "a field less": _drop("assessment"),
    "another finding": lambda d: d["assessment"]["findings"][0].update(message="All is well."),
}


def check_approval(world: World, request_id: str = FIFE) -> Any:
    """The first gate alone: it reads all of the file."""
    try:
        return run_step(world.work, "check_approval", world.key(request_id))
    except ExtractsError as error:
        return error


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_agreement_stops_at_the_first_gate(shared: World, what: str) -> None:
    file = published(shared, FIFE)
    kept = file.read_bytes()
    try:
        edit(shared, EDITS[what])
        error = check_approval(shared)
        assert isinstance(error, Refused), f"{what}: {error}"
        assert FIFE in str(error), error
        assert error.advice
    finally:
        file.write_bytes(kept)


def test_a_signature_made_later_does_not_count_beside_the_time_of_the_one_that_was_recorded(shared: World) -> None:
    """Good in every other way: the same document, a listed key of the same person, the namespace of the role."""
    signers, file = shared.home.people.allowed_signers, published(shared, FIFE)
    listed, kept = signers.read_text(), file.read_bytes()
    key = made_key(shared, "second", f'{BOARD} namespaces="{signing.DECISION_BOARD}" {{key}}')
    data = decision_from_document(json.loads(kept)["decision"]).canonical()
    try:
        edit(shared, _put("signatures", "board", "signature", signing.sign(data, key, signing.DECISION_BOARD)))
        error = check_approval(shared)
        assert isinstance(error, SignatureInvalid), error
        assert f"another {signing.DECISION_BOARD} signature" in str(error)
    finally:
        signers.write_text(listed)
        file.write_bytes(kept)


@pytest.mark.parametrize(
    ("field", "value"), [("recorded_at", "2026-01-01T00:00:00Z"), ("signature", "-----BEGIN SSH SIGNATURE-----")]
)
def test_the_time_and_signature_of_an_order_are_the_registers(
    shared: World, tmp_path: Path, field: str, value: str
) -> None:
    request_id = approved(shared, tmp_path)
    shared.order(request_id, OrderKind.SUSPEND)
    shared.order(request_id, OrderKind.RESUME)
    assert isinstance(approved_now(shared.work, request_id), Approved)
    edit(shared, _put("orders", 1, field, value), request_id)
    with pytest.raises(SignatureInvalid, match=f"another {signing.ORDER} signature"):
        approved_now(shared.work, request_id)


@pytest.mark.parametrize("namespace", [signing.DECISION_CONTROLLER, signing.ORDER])
def test_a_time_of_signing_that_the_ledger_does_not_tell_of_counts_for_nothing(
    shared: World, tmp_path: Path, namespace: str
) -> None:
    request_id = approved(shared, tmp_path)
    shared.order(request_id, OrderKind.SUSPEND)
    shared.order(request_id, OrderKind.RESUME)
    documents = "SELECT digest FROM register.{} WHERE request_id = %(id)s"
    both = f"{documents.format('decision')} UNION {documents.format('signed_order')}"
    with shared.home.postgres.superuser(shared.register) as connection:
        connection.execute(
            "UPDATE register.signature SET recorded_at = recorded_at - interval '1 second' "
            f"WHERE namespace = %(namespace)s AND document_digest IN ({both})".encode(),
            {"id": request_id, "namespace": namespace},
        )
    publish_agreement(shared.work, request_id, "a liar")
    with pytest.raises(SignatureInvalid, match=f"ledger tells of no {namespace} signature on {request_id}"):
        approved_now(shared.work, request_id)


def test_the_file_as_it_was_published_passes(shared: World) -> None:
    found = check_approval(shared, SCP)
    assert isinstance(found, dict), found


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format": 1, "format": 2}', b"null"])
def test_a_file_that_is_no_agreement_stops_too(shared: World, content: bytes) -> None:
    file = published(shared, FIFE)
    kept = file.read_bytes()
    try:
        file.write_bytes(content)
        error = check_approval(shared)
        assert isinstance(error, ApprovalMissing), error
        assert "extracts publish" in error.advice
    finally:
        file.write_bytes(kept)


def test_a_field_that_stands_twice_in_the_file_stops_it(shared: World) -> None:
    file = published(shared, FIFE)
    kept = file.read_bytes()
    try:
        file.write_bytes(kept.rstrip().removesuffix(b"}") + b', "key": {"id": ""}}')
        assert isinstance(check_approval(shared), ApprovalMissing)
    finally:
        file.write_bytes(kept)


def test_a_signer_removed_from_the_list_voids_what_they_signed(shared: World) -> None:
    signers = shared.home.people.allowed_signers
    kept = signers.read_text()
    try:
        signers.write_text("".join(line for line in kept.splitlines(True) if not line.startswith(BOARD)))
        error = check_approval(shared)
        assert isinstance(error, SignatureInvalid), error
    finally:
        signers.write_text(kept)


def test_a_key_that_expired_since_does_not_unsign_what_it_signed(shared: World) -> None:
    signers, now = shared.home.people.allowed_signers, datetime.now(UTC)
    kept = signers.read_text()

    def expire(at: datetime) -> None:
        dated = f'valid-before="{at:%Y%m%d%H%M%SZ}",namespaces="extract-decision'
        signers.write_text(kept.replace('namespaces="extract-decision', dated))

    try:
        expire(now + timedelta(hours=1))
        shared.later(hours=2)
        assert not isinstance(check_approval(shared, ANALYSTS), ExtractsError)
        expire(now - timedelta(days=1))
        assert isinstance(check_approval(shared, ANALYSTS), SignatureInvalid)
    finally:
        shared.later(hours=-2)
        signers.write_text(kept)


@pytest.mark.parametrize("starter", [BOARD, CONTROLLER, "board", "controller"])
def test_nobody_starts_by_hand_what_they_signed(shared: World, starter: str) -> None:
    said = extracts(shared, "run", FIFE, "--as-user", starter)
    assert said.code == 1
    assert "stopped by a control" in said.text
    assert starter in said.text
    assert not shared.deliveries(FIFE)
