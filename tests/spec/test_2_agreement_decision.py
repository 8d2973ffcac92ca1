"""A decision: drawn up for two people to sign, published, and judged afresh by every gate."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from extracts import signing
from extracts.agreement.approval import Approval, judge, read_published
from extracts.agreement.decision import (
    Decision,
    DecisionOutcome,
    Order,
    OrderKind,
    decision_from_document,
    order_from_document,
)
from extracts.agreement.drawing_up import Terms, draw_up
from extracts.agreement.signers import check_signer, roles_for
from extracts.catalogue.gateways import GatewayStatus
from extracts.catalogue.parties import Parties, RecipientStatus
from extracts.catalogue.people import Role
from extracts.errors import (
    ApprovalMissing,
    ExtractsError,
    InvalidDocument,
    NotPermitted,
    PlanRefused,
    SignatureInvalid,
    UsageError,
)
from extracts.signing import Signature
from tests.support.builders import (
    ANOTHER_DIGEST,
    BENEFIT_CAP,
    BOARD,
    CONTROLLER,
    REFUSED,
    STATISTICS,
    TODAY,
    a_controller_signature,
    a_drawn_up_decision,
    a_made_plan,
    a_published_document,
    a_request,
    a_signature,
    an_approval,
    an_assessment,
    the_parties,
    the_policy,
)

SIGNED_AT = datetime(2026, 1, 21, 12, 0, tzinfo=UTC)
REQUESTER = "eilidh.requester@scotgov.example"


def an_order_on(decision: Decision, kind: OrderKind, number: int = 1, **changes: Any) -> Order:
    order = Order(decision.request_id, number, kind, decision.digest, "For a test.", SIGNED_AT + timedelta(days=number))
    return replace(order, **changes)


def with_principal(name: str, **changes: Any) -> Parties:
    parties = the_parties()
    changed = parties.principals[name].model_copy(update=changes)
    return replace(parties, principals={**parties.principals, name: changed})


def with_delegation(**changes: Any) -> Parties:
    parties = the_parties()
    found = parties.delegations["dwp-controller-scotland"]
    limits = found.limits.model_copy(update=changes.pop("limits", {}))
    changed = found.model_copy(update={**changes, "limits": limits})
    return replace(parties, delegations={changed.id: changed})


# --- drawing it up --------------------------------------------------------------------------------------------------


def test_an_approval_binds_request_assessment_and_plan() -> None:
    request = a_request()
    decision = a_drawn_up_decision(request)
    assert decision.outcome is DecisionOutcome.APPROVE
    assert decision.request_digest == request.digest
    assert decision.assessment_digest == an_assessment(request).digest
    assert decision.plan_digest == a_made_plan(request).digest
    assert (decision.valid_from, decision.valid_until) == (date(2026, 1, 20), date(2028, 12, 31))
    assert decision.review_on == date(2027, 6, 30)
    assert all(c.granted for c in decision.columns)


def test_an_approval_in_part_binds_the_smaller_plan_and_names_what_was_refused() -> None:
    whole = a_request()
    decision = a_drawn_up_decision(whole, refuse=("sex",), column_reasons={"sex": "The forecast does not need it."})
    refused = [c for c in decision.columns if not c.granted]
    assert decision.outcome is DecisionOutcome.APPROVE_IN_PART
    assert [(c.column, c.reason) for c in refused] == [("sex", "The forecast does not need it.")]
    assert decision.request_digest == whole.digest
    assert decision.plan_digest != a_made_plan(whole).digest


def test_what_the_policy_stops_cannot_be_approved_and_can_be_refused() -> None:
    request = a_request(REFUSED)
    with pytest.raises(PlanRefused, match="cannot be approved"):
        a_drawn_up_decision(request)
    refusal = a_drawn_up_decision(request, outcome=DecisionOutcome.REFUSE, reasons="Not for statistics.")
    assert refusal.plan_digest == ""
    assert not any(c.granted for c in refusal.columns)
    assert refusal.reason_code == "policy"
    assert "Ask for pseudonymised rows." in refusal.acceptable
    assert "chief data officers" in refusal.escalation
    assert (refusal.valid_from, refusal.valid_until) == (None, None)


def test_a_partial_approval_can_save_a_request_that_the_policy_stops() -> None:
    bank = {"name": "sort_code", "treatment": "keep", "justification": "Groups the accounts by bank."}
    request = a_request(changes={"datasets.0.columns.7": bank})
    with pytest.raises(PlanRefused):
        a_drawn_up_decision(request)
    assert a_drawn_up_decision(request, refuse=("sort_code",)).outcome is DecisionOutcome.APPROVE_IN_PART


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"reasons": "  "}, "needs its reasons"),
        ({"reasons": "Yes\x1b[2K"}, "invisible character"),
        ({"delegation": ""}, "delegation"),
        ({"valid_until": date(2029, 1, 1)}, "later than the plan's end"),
        ({"valid_until": date(2026, 1, 19)}, "follow one another"),
        ({"review_on": date(2028, 1, 1), "valid_until": date(2027, 1, 1)}, "follow one another"),
        ({"outcome": DecisionOutcome.APPROVE_IN_PART}, "refuses at least one column"),
        ({"outcome": DecisionOutcome.REFUSE, "reason_code": "because"}, "no reason code"),
    ],
)
def test_terms_that_do_not_fit_are_refused(terms: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        a_drawn_up_decision(**terms)


def test_an_assessment_of_another_request_cannot_be_approved() -> None:
    request, other = a_request(), a_request(changes={"note": "x"})
    terms = Terms(DecisionOutcome.APPROVE, "Yes.", "dwp-controller-scotland")
    with pytest.raises(PlanRefused):
        draw_up(request, request.digest, an_assessment(other), a_made_plan(request), terms, SIGNED_AT, the_policy())


def test_a_decision_reads_back_from_its_json() -> None:
    decision = a_drawn_up_decision(conditions=("Only from the secure room.",))
    assert decision_from_document(json.loads(decision.canonical())) == decision


# --- judging it -----------------------------------------------------------------------------------------------------


def test_a_decision_signed_by_board_and_controller_runs_from_its_first_day_to_its_last() -> None:
    document = a_published_document()
    for today in (date(2026, 1, 21), TODAY, date(2028, 12, 31)):
        approval = an_approval(document, today=today)
        assert isinstance(approval, Approval)
        assert approval.plan.digest == approval.decision.plan_digest
        assert (approval.board.principal, approval.controller.principal) == (BOARD, CONTROLLER)


def test_an_approval_in_part_runs_with_the_smaller_plan() -> None:
    decision = a_drawn_up_decision(refuse=("sex",))
    approval = an_approval(a_published_document(decision=decision))
    assert "sex" not in {c.source for c in approval.plan.datasets[0].columns}


@pytest.mark.parametrize(("today", "why"), [(date(2026, 1, 19), "valid from"), (date(2029, 1, 1), "expired on")])
def test_outside_of_its_dates_nothing_runs(today: date, why: str) -> None:
    with pytest.raises(ApprovalMissing, match=why):
        an_approval(today=today)


@pytest.mark.parametrize("outcome", [DecisionOutcome.REFUSE, DecisionOutcome.RETURN])
def test_a_decision_that_does_not_approve_runs_nothing(outcome: DecisionOutcome) -> None:
    decision = a_drawn_up_decision(outcome=outcome)
    with pytest.raises(ApprovalMissing, match=f"the decision is to {outcome}"):
        an_approval(a_published_document(decision=decision))


def _without_assessment(document: dict[str, Any], group: str, **changes: str) -> None:
    document["assessment"] = None
    document["request"]["document"][group].update(changes)


EDITS: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    ("a treatment", lambda d: d["plan"]["datasets"][0]["columns"][1].update(treatment="keep@1"), "another plan"),
    ("a limit", lambda d: d["plan"]["limits"].update(max_rows=5_000_000), "another plan"),
    ("the recipient", lambda d: d["plan"].update(recipient="fife-council"), "another plan"),
    ("the request", lambda d: d["request"]["document"]["purpose"].update(text="Anything"), "another request"),
    ("the requester", lambda d: d["request"]["document"]["requester"].update(email="x@y.example"), "another request"),
    (
        "the request without its assessment",
        lambda d: _without_assessment(d, "purpose", text="Anything"),
        "it was edited",
    ),
    ("the version", lambda d: d["decision"].update(request_version=2), "it was edited"),
    ("the request's absence", lambda d: d["request"].pop("document"), "not in the published file"),
    ("the assessment", lambda d: d["assessment"]["findings"][0].update(message="fine"), "another assessment"),
    ("the outcome", lambda d: d["decision"].update(outcome="refuse"), "the decision is to refuse"),
    ("the dates", lambda d: d["decision"].update(valid_until=None), "no dates"),
]


@pytest.mark.parametrize(("what", "edit", "why"), EDITS, ids=[e[0] for e in EDITS])
def test_an_edited_file_runs_nothing(what: str, edit: Callable[[dict[str, Any]], None], why: str) -> None:
    document = json.loads(json.dumps(a_published_document()))
    edit(document)
    with pytest.raises(ApprovalMissing, match=why):
        an_approval(document)


def test_another_plan_than_the_approved_one_does_not_run() -> None:
    other = a_made_plan(a_request(changes={"datasets.0.columns.1.treatment": "year"}))
    with pytest.raises(ApprovalMissing, match="another plan"):
        an_approval(plan=other)


def test_a_decision_bound_to_another_plan_runs_nothing() -> None:
    decision = replace(a_drawn_up_decision(), plan_digest=ANOTHER_DIGEST)
    with pytest.raises(ApprovalMissing, match="another plan"):
        an_approval(a_published_document(decision=decision))


def test_an_assessment_that_did_not_pass_carries_no_approval() -> None:
    request = a_request()
    failed = an_assessment(a_request(REFUSED))
    decision = replace(a_drawn_up_decision(request), assessment_digest=failed.digest)
    document = a_published_document(request, decision) | {"assessment": failed.document()}
    with pytest.raises(ApprovalMissing, match="did not pass"):
        an_approval(document)


def test_an_approval_that_grants_no_column_runs_nothing() -> None:
    decision = a_drawn_up_decision()
    nothing = replace(decision, columns=tuple(replace(c, granted=False) for c in decision.columns))
    document = a_published_document(decision=decision) | {"decision": nothing.document()}
    with pytest.raises(ApprovalMissing, match="grants no column"):
        an_approval(document)


@pytest.mark.parametrize("assessment", [None, an_assessment(a_request(), date(2026, 12, 1)).document()])
def test_an_approval_without_the_assessment_that_it_names_runs_nothing(assessment: Any) -> None:
    with pytest.raises(ApprovalMissing, match="rests on another assessment than the published one"):
        an_approval(a_published_document(assessment=assessment))


# --- who signed -----------------------------------------------------------------------------------------------------


def refused_signers(
    kind: type[ExtractsError],
    why: str,
    board: Signature | None = None,
    controller: Signature | None = None,
    **facts: Any,
) -> None:
    with pytest.raises(kind, match=why):
        an_approval(board=board or a_signature(), controller=controller or a_controller_signature(), **facts)


def test_one_person_cannot_sign_twice() -> None:
    both = with_principal(
        BOARD, roles=(*the_parties().principals[BOARD].roles, *the_parties().principals[CONTROLLER].roles)
    )
    delegated = replace(both, delegations=with_delegation(holder=BOARD).delegations)
    refused_signers(NotPermitted, "it takes two people", controller=a_controller_signature(BOARD), parties=delegated)


def test_one_person_with_two_names_is_one_person() -> None:
    same = with_principal(CONTROLLER, person=the_parties().principals[BOARD].person)
    refused_signers(NotPermitted, "it takes two people", parties=same)


def test_one_key_cannot_sign_twice() -> None:
    refused_signers(NotPermitted, "it takes two keys", controller=a_controller_signature(key="SHA256:board"))


@pytest.mark.parametrize("principal", [BOARD, CONTROLLER])
def test_the_requester_cannot_sign(principal: str) -> None:
    parties = the_parties()
    asking = parties.principals[REQUESTER].model_copy(update={"person": parties.principals[principal].person})
    changed = replace(parties, principals={**parties.principals, REQUESTER: asking})
    refused_signers(NotPermitted, f"{principal} asked for SDDSB-2026-027", parties=changed)


@pytest.mark.parametrize("name", [BOARD, CONTROLLER, "board", "Controller", "BOARD.CHAIR@dwp.example"])
def test_who_signed_cannot_start_the_run_by_hand(name: str) -> None:
    refused_signers(NotPermitted, "signed the decision and started this run", started_by=name)


@pytest.mark.parametrize("name", ["", "engineer", "data.engineer@dwp.example", "somebody-unknown"])
def test_others_and_the_scheduler_may_start_it(name: str) -> None:
    assert an_approval(started_by=name).request_id == "SDDSB-2026-027"


def test_whoever_submitted_the_request_cannot_sign() -> None:
    refused_signers(NotPermitted, "submitted the request", submitted_by=["controller"])


def test_a_stranger_with_a_listed_key_cannot_sign() -> None:
    refused_signers(NotPermitted, "not declared as a principal", board=a_signature("stranger@dwp.example"))


def test_a_service_cannot_sign_a_decision() -> None:
    service = "extracts-service@dwp.example"
    roles = (*the_parties().principals[service].roles, *the_parties().principals[BOARD].roles)
    refused_signers(NotPermitted, "did not hold the role", board=a_signature(service))
    both = with_principal(service, roles=roles)
    refused_signers(NotPermitted, "did not hold the role", board=a_signature(service), parties=both)


@pytest.mark.parametrize("role", ["data.protection.officer", "data.engineer", "forum.member"])
def test_advisers_engineers_and_forum_members_cannot_sign(role: str) -> None:
    refused_signers(NotPermitted, "did not hold the role board", board=a_signature(f"{role}@dwp.example"))


def test_a_signature_for_another_role_or_document_does_not_count() -> None:
    refused_signers(SignatureInvalid, "in namespace", board=a_signature(namespace=signing.DECISION_CONTROLLER))
    refused_signers(SignatureInvalid, "in namespace", controller=a_controller_signature(namespace=signing.ORDER))


def test_a_rehearsals_signature_counts_only_in_a_rehearsal() -> None:
    twins = {
        "board": a_signature(namespace=signing.test_namespace(signing.DECISION_BOARD)),
        "controller": a_controller_signature(namespace=signing.test_namespace(signing.DECISION_CONTROLLER)),
    }
    refused_signers(SignatureInvalid, "in namespace", **twins)
    assert an_approval(**twins, rehearsal=True).request_id == "SDDSB-2026-027"
    with pytest.raises(SignatureInvalid):
        an_approval(rehearsal=True)


def test_roles_are_judged_on_the_day_of_signing() -> None:
    role = the_parties().principals[BOARD].roles[0]
    left_later = with_principal(BOARD, roles=(role.model_copy(update={"valid_until": date(2026, 1, 21)}),))
    left_before = with_principal(BOARD, roles=(role.model_copy(update={"valid_until": date(2026, 1, 20)}),))
    assert an_approval(parties=left_later)
    refused_signers(NotPermitted, "did not hold the role board on 2026-01-21", parties=left_before)


def test_the_ledgers_times_count_and_not_the_files() -> None:
    role = the_parties().principals[BOARD].roles[0]
    left_before = with_principal(BOARD, roles=(role.model_copy(update={"valid_until": date(2026, 3, 1)}),))
    assert an_approval(parties=left_before)
    recorded = (datetime(2026, 3, 2, tzinfo=UTC), SIGNED_AT)
    refused_signers(NotPermitted, "on 2026-03-02", parties=left_before, recorded_at=recorded)


def test_a_signature_recorded_before_the_decision_was_drawn_up_is_not_one_of_it() -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    refused_signers(SignatureInvalid, "before the decision was drawn up", recorded_at=(early, SIGNED_AT))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"holder": BOARD}, "is not held by"),
        ({"valid_until": date(2026, 1, 20)}, "was not valid on 2026-01-21"),
        ({"valid_from": date(2026, 1, 22)}, "was not valid on 2026-01-21"),
        ({"limits": {"gateways": ("welfare-reform-act-2012-s131",)}}, "does not reach scotland-act-2016-s34"),
        ({"limits": {"identifiability": ("identified",)}}, "does not reach pseudonymised data"),
        ({"limits": {"recipients": ("fife-council",)}}, "does not reach scottish-government-analysts"),
        ({"limits": {"max_rows": 999_999}}, "does not reach 1000000 rows"),
        ({"id": "another"}, "is not declared"),
    ],
)
def test_the_controller_signs_under_a_delegation_that_reaches_this_far(changes: dict[str, Any], why: str) -> None:
    refused_signers(NotPermitted, why, parties=with_delegation(**changes))


def test_a_signer_is_checked_before_the_signature_is_recorded() -> None:
    decision = a_drawn_up_decision()
    check_signer(a_signature(), Role.BOARD, decision, the_parties(), requester=REQUESTER, on=TODAY)
    with pytest.raises(NotPermitted, match="two people"):
        check_signer(
            a_signature(key="SHA256:second"),
            Role.BOARD,
            decision,
            the_parties(),
            requester=REQUESTER,
            on=TODAY,
            others=((BOARD, "SHA256:board"),),
        )
    controller, ended = a_controller_signature(), with_delegation(valid_until=date(2026, 11, 22))
    check_signer(controller, Role.CONTROLLER, decision, the_parties(), requester=REQUESTER, on=TODAY)
    with pytest.raises(NotPermitted, match="was not valid on 2026-11-23"):
        check_signer(controller, Role.CONTROLLER, decision, ended, requester=REQUESTER, on=TODAY)
    with pytest.raises(NotPermitted, match="Nobody decides as engineer"):
        check_signer(a_signature(), Role.ENGINEER, decision, the_parties(), requester=REQUESTER, on=TODAY)


# --- orders ---------------------------------------------------------------------------------------------------------


def with_orders(*kinds: OrderKind) -> dict[str, Any]:
    decision = a_drawn_up_decision()
    orders = tuple(an_order_on(decision, kind, number) for number, kind in enumerate(kinds, start=1))
    return a_published_document(decision=decision, orders=orders)


SUSPEND, RESUME, REVOKE = OrderKind.SUSPEND, OrderKind.RESUME, OrderKind.REVOKE


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ((SUSPEND,), "suspended since 2026-01-22"),
        ((SUSPEND, RESUME, SUSPEND), "suspended since 2026-01-24"),
        ((REVOKE,), "revoked"),
        ((REVOKE, RESUME), "revoked"),
        ((SUSPEND, REVOKE), "revoked"),
    ],
)
def test_a_suspended_or_revoked_agreement_does_not_run(kinds: tuple[OrderKind, ...], why: str) -> None:
    with pytest.raises(ApprovalMissing, match=why):
        an_approval(with_orders(*kinds))


@pytest.mark.parametrize("kinds", [(), (SUSPEND, RESUME), (SUSPEND, RESUME, SUSPEND, RESUME)])
def test_a_resumed_agreement_runs_again(kinds: tuple[OrderKind, ...]) -> None:
    assert an_approval(with_orders(*kinds)).request_id == "SDDSB-2026-027"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"decision_digest": ANOTHER_DIGEST}, "about another decision"),
        ({"request_id": "SDDSB-2026-999"}, "about another decision"),
        ({"number": 0}, "missing or out of its order"),
        ({"number": -1}, "missing or out of its order"),
    ],
)
def test_an_order_about_something_else_or_a_gap_in_the_orders_stops(changes: dict[str, Any], why: str) -> None:
    decision = a_drawn_up_decision()
    order = an_order_on(decision, RESUME, **changes)
    with pytest.raises(ApprovalMissing, match=why):
        an_approval(a_published_document(decision=decision, orders=(order,)))


@pytest.mark.parametrize("first", [1, 3])
def test_orders_are_counted_per_request_so_those_on_a_renewal_go_on_from_any_number(first: int) -> None:
    decision = a_drawn_up_decision()
    orders = tuple(an_order_on(decision, kind, first + n) for n, kind in enumerate((SUSPEND, RESUME)))
    assert an_approval(a_published_document(decision=decision, orders=orders))
    later = an_order_on(decision, RESUME, first + 3)
    with pytest.raises(ApprovalMissing, match=f"order {first + 2} is missing or out of its order"):
        an_approval(a_published_document(decision=decision, orders=(*orders, later)))
    with pytest.raises(ApprovalMissing, match="missing or out of its order"):
        an_approval(a_published_document(decision=decision, orders=tuple(reversed(orders))))


def test_an_agreement_that_its_requester_withdrew_runs_no_more() -> None:
    with pytest.raises(ApprovalMissing, match="its requester withdrew it on 2026-01-21"):
        an_approval(a_published_document(withdrawn_at=SIGNED_AT))


@pytest.mark.parametrize(
    "reasons", ["", "  ", " two spaces ", "a\x1b[2Jb", "a\u202eb", "a\x00b", "a\u2028b", "e\u0301"]
)
def test_an_order_with_reasons_that_cannot_be_read_is_none(reasons: str) -> None:
    good = an_order_on(a_drawn_up_decision(), SUSPEND)
    with pytest.raises(ValueError, match=r"reasons of an order|control or invisible"):
        replace(good, reasons=reasons)
    with pytest.raises(InvalidDocument, match="order") as refused:
        order_from_document(good.document() | {"reasons": reasons})
    assert "\x1b" not in str(refused.value)


def test_the_board_may_suspend_and_only_the_controller_resumes() -> None:
    by_board = a_signature(namespace=signing.ORDER, key="SHA256:order")
    by_controller = a_controller_signature(namespace=signing.ORDER, key="SHA256:order")
    assert roles_for(SUSPEND) == (Role.BOARD, Role.CONTROLLER)
    document = with_orders(SUSPEND, RESUME)
    assert an_approval(document, order_signatures=[by_board, by_controller])
    with pytest.raises(NotPermitted, match=r"may not resume SDDSB-2026-027. Ask the controller"):
        an_approval(document, order_signatures=[by_board, by_board])


@pytest.mark.parametrize(
    ("signatures", "why"),
    [
        ([], "1 orders and 0 signatures"),
        ([a_controller_signature()], "in namespace extract-decision-controller"),
    ],
)
def test_an_order_without_its_own_signature_stops(signatures: list[Signature], why: str) -> None:
    with pytest.raises(SignatureInvalid, match=why):
        an_approval(with_orders(SUSPEND), order_signatures=signatures)


# --- the parties of today -------------------------------------------------------------------------------------------


def test_a_recipient_suspended_since_gets_nothing() -> None:
    parties = the_parties()
    recipient = parties.recipients["scottish-government-analysts"]
    changed = recipient.model_copy(update={"status": RecipientStatus.SUSPENDED})
    with pytest.raises(ApprovalMissing, match="is suspended"):
        an_approval(parties=replace(parties, recipients={**parties.recipients, recipient.id: changed}))
    with pytest.raises(ApprovalMissing, match="not declared any more"):
        an_approval(parties=replace(parties, recipients={}))


def test_a_gateway_withdrawn_since_carries_nothing() -> None:
    parties = the_parties()
    gateway = parties.gateways["scotland-act-2016-s34"].model_copy(update={"status": GatewayStatus.UNVERIFIED})
    with pytest.raises(ApprovalMissing, match="not in force"):
        an_approval(parties=replace(parties, gateways={**parties.gateways, gateway.id: gateway}))


# --- the published file ---------------------------------------------------------------------------------------------


def test_the_published_file_says_what_pages_and_recipients_need() -> None:
    document = a_published_document(a_request(BENEFIT_CAP))
    assert document["format"] == "governed-extracts/agreement/1"
    request = document["request"]
    assert (request["id"], request["version"], request["recipient"]["id"]) == ("SDDSB-2026-021", 1, "fife-council")
    assert request["gateway"]["title"].startswith("Welfare Reform Act 2012, section 131")
    assert request["requester"]["organisation"] == "Fife Council"
    assert document["signatures"]["board"] == {"signature": "board's signature", "recorded_at": "2026-01-21T12:00:00Z"}


def test_the_published_file_reads_back_from_its_bytes() -> None:
    document = with_orders(SUSPEND)
    published = read_published(json.dumps(document).encode())
    assert published.decision.digest == a_drawn_up_decision().digest
    assert published.board.recorded_at == SIGNED_AT
    assert published.orders[0].order.kind is SUSPEND
    assert published.key_id == "key-1"
    assert published == read_published(document)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda d: d.update(format="other/1"), "format"),
        (lambda d: d.pop("orders"), "orders"),
        (lambda d: d.update(note="hello"), "note"),
        (lambda d: d["plan"].update(extra="hidden"), "plan: document"),
        (lambda d: d["plan"].update(retention_days="730"), "plan: document"),
        (lambda d: d["plan"].pop("gateway"), "gateway"),
        (lambda d: d["decision"].update(extra=1), "decision: document"),
        (lambda d: d["decision"].update(outcome="maybe"), "outcome"),
        (lambda d: d["signatures"].pop("board"), r"signatures\.board"),
        (lambda d: d["signatures"]["board"].update(recorded_at="2026-01-21T12:00:00"), "zone"),
        (lambda d: d["signatures"]["board"].update(recorded_at="yesterday"), "is no time"),
        (lambda d: d["request"].update(id="SDDSB-2026-014"), "differs"),
        (lambda d: d.update(orders={}), "orders"),
        (lambda d: d.update(withdrawn_at="2026-01-21T12:00:00"), "withdrawn_at: is a time without its zone"),
        (lambda d: d.update(withdrawn_at=1), "withdrawn_at: must be text"),
    ],
)
def test_a_file_that_is_no_published_agreement_is_refused_by_the_part(edit: Callable[[Any], Any], why: str) -> None:
    document = json.loads(json.dumps(a_published_document()))
    edit(document)
    with pytest.raises(InvalidDocument, match=why):
        read_published(document)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"', b'{"format": 1, "format": 2}', b"[" * 100_000, b"\xff"])
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocument):
        read_published(data)


def test_judging_needs_no_clock_and_no_files() -> None:
    published = read_published(a_published_document(a_request(STATISTICS)))
    again = [
        judge(published, board=a_signature(), controller=a_controller_signature(), parties=the_parties(), today=TODAY)
        for _ in range(2)
    ]
    assert again[0] == again[1]
    assert the_policy().version == again[0].decision.policy_version
