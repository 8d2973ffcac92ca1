"""The counter-offer: the smaller plan that would pass, beside the one that was asked for. "No" need not be the end.

Rules:
1. It asks for less in every respect in which it differs: coarser columns, columns left out, fewer rows or days, a less
   identifying form. It never adds a reason or a power for the requester.
2. It passes the policy and makes a plan, or there is none.
3. It is a whole request, the next version of the one that it answers. It binds nobody: the requester accepts it by
   submitting it, and it is then decided and signed like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from extracts.agreement.changes import LEFT_OUT, Change, Governance, treated_as, with_change
from extracts.agreement.coarsening import Counted, search
from extracts.agreement.mending import mend
from extracts.agreement.planning import make_plan
from extracts.agreement.policy import Policy, assess
from extracts.agreement.reading import read_value
from extracts.agreement.request import Request, request_from_document
from extracts.agreement.source_counts import Grouping, grouping_of
from extracts.canonical import Canonical
from extracts.catalogue.contract import Dataset
from extracts.catalogue.parties import Parties
from extracts.errors import InvalidDocument, PlanRefused, UsageError


@dataclass(frozen=True)
class CounterOffer(Canonical):
    """What would be acceptable. `request` is the document of the offered version; `changes` say how it differs.

    `groups_counted` is false where nobody counted whether the groups of people are large enough.
    """

    request_id: str
    version: int
    request_digest: str
    offered_version: int
    offered_digest: str
    plan_digest: str
    policy_version: str
    assessment_digest: str
    groups_counted: bool
    changes: tuple[Change, ...]
    request: Mapping[str, Any]

    def offered(self) -> Request:
        """The offered version of the request. Raises InvalidDocument."""
        return request_from_document(dict(self.request))


def counter_offer(
    request: Request,
    datasets: Mapping[str, Dataset],
    policy: Policy,
    parties: Parties,
    counts: Mapping[str, Counted],
    today: date,
) -> CounterOffer | None:
    """The nearest smaller request that passes; None if there is none, or if what was asked passes.

    `counts`: by dataset, what `groupings_wanted` asked for, so that small groups are judged too.
    """
    judged_by = Governance(datasets, parties, policy, today)
    mended = mend(request, judged_by)
    coarse = None if mended.remaining else _coarse_enough(mended.request, judged_by, counts)
    if coarse is None:
        return None
    smaller, groups_counted, made_coarser = coarse
    changes = mended.changes
    for change in made_coarser:
        changes = with_change(changes, change)
    return _offer(request, smaller, changes, groups_counted, judged_by) if changes else None


def groupings_wanted(
    mended: Request, datasets: Mapping[str, Dataset], counts: Mapping[str, Counted]
) -> Mapping[str, tuple[Grouping, ...]]:
    """What has to be counted next before an offer can be made, by dataset. `mended`: the request as `mend` left it."""
    wanted = {}
    for name in (d.dataset for d in mended.datasets if d.dataset in datasets):
        found = search(grouping_of(mended, datasets[name]), mended, datasets[name], counts.get(name, {}))
        if found.wanted:
            wanted[name] = found.wanted
    return wanted


def _coarse_enough(
    request: Request, judged_by: Governance, counts: Mapping[str, Counted]
) -> tuple[Request, bool, list[Change]] | None:
    counted, changes = True, []
    for name in [d.dataset for d in request.datasets]:
        source = judged_by.datasets[name]
        start = grouping_of(request, source)
        found = search(start, request, source, counts.get(name, {}))
        if found.found is None:
            counted = False
            continue
        steps = {g.column: g.step for g in found.found}
        for old in (g for g in start if steps.get(g.column) != g.step):
            new = steps.get(old.column)
            try:
                request = treated_as(request, name, old.column, new)
            except UsageError:
                return None  # nothing would be left to ask for
            told = str(new) if new else LEFT_OUT
            changes.append(Change(f"{name}.{old.column}", str(old.step), told, _why(request), _clause(judged_by)))
    return request, counted, changes


def _why(request: Request) -> str:
    return f"as asked, too many people are in groups of fewer than {request.limits.k}"


def _clause(judged_by: Governance) -> str:
    found = (r.clause for r in judged_by.policy.rules if r.check == "small_groups")
    return next(found, "No group of people smaller than k")


def _offer(
    asked: Request, smaller: Request, changes: tuple[Change, ...], groups_counted: bool, judged_by: Governance
) -> CounterOffer | None:
    offered = request_from_document(smaller.model_copy(update={"version": asked.version + 1}).document())
    assessment = assess(offered, judged_by.datasets, judged_by.parties, judged_by.policy, judged_by.today)
    try:
        plan = make_plan(offered, judged_by.datasets, judged_by.parties, assessment)
    except (PlanRefused, InvalidDocument):
        return None
    return CounterOffer(
        request_id=asked.request_id,
        version=asked.version,
        request_digest=asked.digest,
        offered_version=offered.version,
        offered_digest=offered.digest,
        plan_digest=plan.digest,
        policy_version=assessment.policy_version,
        assessment_digest=assessment.digest,
        groups_counted=groups_counted,
        changes=changes,
        request=offered.document(),
    )


def counter_offer_from_document(document: Mapping[str, Any]) -> CounterOffer:
    """The offer that `CounterOffer.document()` wrote. Raises InvalidDocument."""
    return read_value(CounterOffer, document, "counter-offer")
