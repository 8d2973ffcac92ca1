"""Is this the best source? Held, authoritative, fresh enough."""

from __future__ import annotations

from extracts.agreement.policy_case import Case, Parameters, Verdict, gap, passed, violation
from extracts.catalogue.contract import PeriodKind


def datasets_declared(case: Case, _: Parameters) -> list[Verdict]:
    """Every dataset has a contract. One without is not held, as far as anyone can say."""
    unknown = [d.dataset for d in case.request.datasets if d.dataset not in case.datasets]
    has = ", ".join(sorted(case.datasets))
    return [gap(f"not held: no dataset {name!r} is declared; declared: {has}") for name in unknown] or passed(
        f"declared: {', '.join(d.dataset for d in case.request.datasets)}"
    )


def source_authoritative(case: Case, _: Parameters) -> list[Verdict]:
    """The source is authoritative for what it is used for; where another body is, it is named."""
    found = []
    for asked, source in case.sources():
        subject = asked.used_for.casefold()
        elsewhere = {k.casefold(): v for k, v in source.not_authoritative_for.items()}
        if subject in elsewhere:
            found.append(violation(f"{source.name} is not authoritative for {subject}: ask {elsewhere[subject]}"))
        elif subject not in {a.casefold() for a in source.authoritative_for}:
            listed = ", ".join(source.authoritative_for) or "nothing"
            found.append(gap(f"{source.name} does not say that it is authoritative for {subject}; it is for: {listed}"))
    return found or passed("authoritative for what it is used for")


def freshness_promised(case: Case, _: Parameters) -> list[Verdict]:
    """No source may be asked to be fresher than its contract promises."""
    asked = case.request.quality.freshness_max_age_hours
    found = [
        violation(f"{source.name} promises data at most {source.max_age_hours} hours old, and {asked} are asked for")
        for _, source in case.sources()
        if asked < source.max_age_hours
    ]
    return found or passed(f"at most {asked} hours old")


def one_kind_of_period(case: Case, _: Parameters) -> list[Verdict]:
    """A delivery is about the present or about a past period, never about both."""
    kinds = {source.period_kind is PeriodKind.AS_AT_NOW for _, source in case.sources()}
    if len(kinds) > 1:
        return [violation("some datasets show the present and some a past period: ask for them in two requests")]
    return passed("one kind of period")
