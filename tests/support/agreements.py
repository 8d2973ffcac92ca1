"""Requests and approvals for tests, made from the sample files in `examples/` by the package's own functions.

`a_request(changes={"purpose.code": "blue-badge"})` is the sample request with one field changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from extracts.agreement.approval import Approval, judge, published_document, read_published
from extracts.agreement.assessment import Assessment
from extracts.agreement.decision import Decision, DecisionOutcome, Order
from extracts.agreement.drawing_up import Terms, draw_up
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.planning import make_plan
from extracts.agreement.policy import Policy, assess, parse_policy
from extracts.agreement.request import Request, parse_request, refused_names, without_columns
from extracts.catalogue.parties import Parties, parse_parties
from extracts.documents import Document, read
from extracts.signing import DECISION_BOARD, DECISION_CONTROLLER, Signature
from extracts.signing import ORDER as ORDER_NAMESPACE
from tests.support.sample_datasets import TODAY, the_datasets

# --- requests and what they are judged by --------------------------------------------------------------------------

EXAMPLES = Path(__file__).parents[2] / "examples"
STATISTICS = "pension-credit-statistics"
BENEFIT_CAP = "fife-benefit-cap"
CHILD_PAYMENT = "scottish-child-payment"
REFUSED = "refused-bank-details"
BOARD = "board.chair@dwp.example"
CONTROLLER = "controller@dwp.example"
_REMOVED = object()
removed: Any = _REMOVED
"""As a change: the field is taken away."""


@cache
def _sample(name: str) -> Document:
    return read(EXAMPLES / "requests" / f"{name}.yaml")


def a_request_document(sample: str = STATISTICS, changes: Mapping[str, Any] | None = None) -> Document:
    """The document of a sample request, with values at dotted paths (`datasets.0.columns.1.treatment`) changed."""
    found = _sample(sample)
    value = json.loads(json.dumps(found.value))
    for path, changed in (changes or {}).items():
        _change(value, path.split("."), changed)
    return Document(found.source, value, found.lines)


def a_request(sample: str = STATISTICS, changes: Mapping[str, Any] | None = None) -> Request:
    """A sample request, with values at dotted paths changed."""
    return parse_request(a_request_document(sample, changes))


def _change(value: Any, path: list[str], changed: Any) -> None:
    *parents, last = [int(part) if part.isdigit() else part for part in path]
    for part in parents:
        value = value[part]
    if changed is _REMOVED:
        del value[last]
    elif isinstance(value, list) and last == len(value):
        value.append(changed)
    else:
        value[last] = changed


@cache
def the_parties() -> Parties:
    """The sample parties, gateways and delegations."""
    folder = EXAMPLES / "governance"
    return parse_parties(*(read(folder / f"{name}.yaml") for name in ("parties", "gateways", "delegations")))


@cache
def the_policy() -> Policy:
    """The sample policy statement."""
    return parse_policy(read(EXAMPLES / "governance" / "policy.yaml"))


def an_assessment(request: Request | None = None, today: date = TODAY) -> Assessment:
    """The sample policy's findings on `request`."""
    return assess(request or a_request(), the_datasets(), the_parties(), the_policy(), today)


def a_made_plan(request: Request | None = None) -> ExtractPlan:
    """The plan that `make_plan` makes of `request`, as the sample policy sees it."""
    request = request or a_request()
    return make_plan(request, the_datasets(), the_parties(), an_assessment(request))


# --- what was signed ------------------------------------------------------------------------------------------------


def a_signature(principal: str = BOARD, namespace: str = DECISION_BOARD, key: str = "SHA256:board") -> Signature:
    """A signature as verified: by the Board, if nothing else is said."""
    return Signature(principal, namespace, key)


def a_controller_signature(
    principal: str = CONTROLLER, namespace: str = DECISION_CONTROLLER, key: str = "SHA256:controller"
) -> Signature:
    """The Controller's signature, as verified."""
    return Signature(principal, namespace, key)


def a_drawn_up_decision(request: Request | None = None, refuse: tuple[str, ...] = (), **terms: Any) -> Decision:
    """What `draw_up` makes of an approval of `request`, without the columns in `refuse`."""
    request = request or a_request()
    refused = refused_names(request, refuse)
    smaller = without_columns(request, refused)
    assessment = an_assessment(smaller)
    plan = a_made_plan(smaller) if assessment.passed else None
    facts: dict[str, Any] = {
        "outcome": DecisionOutcome.APPROVE,
        "reasons": "Necessary and proportionate.",
        "delegation": "dwp-controller-scotland",
    }
    return draw_up(
        smaller,
        request.digest,
        assessment,
        plan,
        Terms(**(facts | terms)),
        datetime(2026, 1, 20, 10, 0, tzinfo=UTC),
        the_policy(),
        refused=refused,
        whole=an_assessment(request),
    )


def a_published_document(
    request: Request | None = None,
    decision: Decision | None = None,
    orders: tuple[Order, ...] = (),
    withdrawn_at: datetime | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """The published file of an approved request, with placeholders for the armoured signatures."""
    request = request or a_request()
    decision = decision or a_drawn_up_decision(request)
    denied = {(c.dataset, c.column) for c in decision.columns if not c.granted} if decision.plan_digest else set()
    smaller = without_columns(request, denied)
    signed_at = datetime(2026, 1, 21, 12, 0, tzinfo=UTC)
    document = published_document(
        request=request,
        parties=the_parties(),
        datasets=the_datasets(),
        decision=decision,
        plan=a_made_plan(smaller),
        assessment=an_assessment(smaller),
        board=("board's signature", signed_at),
        controller=("controller's signature", signed_at + timedelta(hours=1)),
        orders=[(order, "order's signature", order.ordered_at) for order in orders],
        withdrawn_at=withdrawn_at,
        key_id="key-1",
    )
    return document | changes


def an_approval(document: Mapping[str, Any] | None = None, **changes: Any) -> Approval:
    """What `judge` makes of a published agreement today, signed by Board and Controller of the sample."""
    published = read_published(document or a_published_document())
    facts: dict[str, Any] = {
        "board": a_signature(),
        "controller": a_controller_signature(),
        "order_signatures": [
            a_controller_signature(namespace=ORDER_NAMESPACE, key="SHA256:order") for _ in published.orders
        ],
        "parties": the_parties(),
        "today": TODAY,
    }
    return judge(published, **(facts | changes))
