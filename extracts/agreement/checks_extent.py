"""Is it proportionate as a whole? Rows, groups, limits, how long and how often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from extracts.agreement.floors import K_FLOOR, filter_problem
from extracts.agreement.plan import Operator, SmallCells
from extracts.agreement.policy_case import Case, Parameters, Verdict, gap, not_applicable, passed, violation, words
from extracts.agreement.schedule import dates_within
from extracts.catalogue.contract import Dataset, Identifiability
from extracts.catalogue.parties import Organisation

_MOST_DELIVERIES = 2000


def rows_by_declared_columns(case: Case, _: Parameters) -> list[Verdict]:
    """Rows are chosen by declared columns that neither name nor locate one person."""
    found = []
    for use in case.rows():
        if use.column is None and use.dataset in case.datasets:
            may = _may_choose_rows(case.datasets[use.dataset])
            message = f"{use.dataset} declares no {use.condition.column} to choose rows by; these it has: {may}"
            found.append(gap(message, (use.name,)))
        elif use.column and (why := filter_problem(use.column, use.condition.comparison()[0])):
            found.append(violation(why, (use.name,)))
    return found or passed(f"{len(case.rows())} conditions, on declared columns")


def _may_choose_rows(source: Dataset) -> str:
    return ", ".join(c.name for c in source.columns if not filter_problem(c, Operator.EQUALS))


def rows_within_territory(case: Case, given: Parameters) -> list[Verdict]:
    """The territory is the recipients', and a source that covers more is kept to it by a condition on `column`.

    Where that column divides the rows among several recipients, each gets rows of its own territory only.

    `whole` maps the code of a whole country to the letter that codes of its parts begin with.
    """
    territory, whole = case.request.territory, given["whole"]
    found = _beyond_their_territory(case, territory, whole)
    found += _others_rows(case, given["column"], whole)
    for asked, source in case.sources():
        if source.coverage and all(_lies_in(code, territory, whole) for code in source.coverage):
            continue
        chosen = [use.condition.comparison() for use in case.rows() if use.name == f"{asked.dataset}.{given['column']}"]
        if not any(_keeps_within(c, territory, whole) for c in chosen):
            found.append(_outside(source, given["column"], territory))
    return found or passed(f"only rows of {', '.join(territory)}")


def _beyond_their_territory(case: Case, territory: tuple[str, ...], whole: Mapping[str, str]) -> list[Verdict]:
    """One that is not limited to an area (its territory is empty) is responsible for any."""
    bodies = case.bodies
    beyond = [code for code in territory if not any(_responsible(body, code, whole) for body in bodies)]
    if not beyond or not bodies:
        return []
    if len(bodies) == 1:
        return [violation(f"{bodies[0].name} is not responsible for {', '.join(beyond)}")]
    return [violation(f"none of {', '.join(b.name for b in bodies)} is responsible for {', '.join(beyond)}")]


def _others_rows(case: Case, column: str, whole: Mapping[str, str]) -> list[Verdict]:
    if case.request.divided_by is None or case.request.divided_by.column != column:
        return []
    found = []
    for share in case.request.recipients or ():
        recipient = case.parties.recipients.get(share.recipient)
        body = case.parties.organisation_of(recipient) if recipient else None
        beyond = [v for v in share.values if body and not _responsible(body, v, whole)]
        if body and beyond:
            found.append(
                violation(f"{body.name} would get rows of {', '.join(beyond)}, for which it is not responsible")
            )
    return found


def _responsible(body: Organisation, code: str, whole: Mapping[str, str]) -> bool:
    return not body.territory or _lies_in(code, body.territory, whole)


def _lies_in(code: str, own: tuple[str, ...], whole: Mapping[str, str]) -> bool:
    return code in own or any(code.startswith(whole[country]) for country in own if country in whole)


def _keeps_within(
    comparison: tuple[Operator, tuple[str, ...], bool], territory: tuple[str, ...], whole: Mapping[str, str]
) -> bool:
    operator, values, negated = comparison
    chosen = operator in (Operator.EQUALS, Operator.IN) and not negated
    return chosen and all(_lies_in(value, territory, whole) for value in values)


def _outside(source: Dataset, column: str, territory: tuple[str, ...]) -> Verdict:
    if source.column(column) is None:
        return gap(f"{source.name} has no {column}: its rows cannot be kept to {', '.join(territory)}")
    message = f"rows of {source.name} are not limited to {', '.join(territory)}: add a condition on {column}"
    return violation(message, (f"{source.name}.{column}",))


def small_groups(case: Case, given: Parameters) -> list[Verdict]:
    """Pseudonymised rows show no group of fewer than `min_k` people; at most `max_withheld_percent` is withheld."""
    limits = case.request.limits
    if case.request.identifiability is not Identifiability.PSEUDONYMISED:
        return not_applicable("identified rows are about known people")
    least = max(K_FLOOR, given["min_k"])
    if limits.k < least:
        return [violation(f"k is {limits.k}; groups smaller than {least} people are too small")]
    if limits.small_cells is SmallCells.STOP:
        return passed(f"k is {limits.k}; small groups stop the delivery")
    if not 0 < limits.max_withheld_percent <= given["max_withheld_percent"]:
        share = f"1 to {given['max_withheld_percent']}"
        return [violation(f"small_cells withhold needs max_withheld_percent of {share}")]
    return passed(f"k is {limits.k}; at most {limits.max_withheld_percent} % of rows are withheld")


def limits_set(case: Case, given: Parameters) -> list[Verdict]:
    """max_rows is at most `max_rows`, and max_deliveries no more than the schedule needs, plus `spare`."""
    limits, schedule = case.request.limits, case.request.schedule
    found = []
    if limits.max_rows > given["max_rows"]:
        found.append(violation(f"max_rows is {limits.max_rows}, more than {given['max_rows']}"))
    if limits.min_rows > limits.max_rows:
        found.append(violation("min_rows is more than max_rows"))
    needed = _deliveries(schedule.text(), schedule.start_on, schedule.end_on)
    if limits.max_deliveries > needed + given["spare"]:
        found.append(violation(f"max_deliveries is {limits.max_deliveries}; the schedule needs {needed}"))
    return found or passed(f"at most {limits.max_rows} rows and {limits.max_deliveries} deliveries")


def _deliveries(schedule: str, start: date, end: date) -> int:
    return len(dates_within(schedule, start, end, _MOST_DELIVERIES))


def term_limited(case: Case, given: Parameters) -> list[Verdict]:
    """It ends within `max_days`, is reviewed within `review_within_days`, and has not ended yet."""
    schedule = case.request.schedule
    found = []
    if (schedule.end_on - schedule.start_on).days > given["max_days"]:
        found.append(violation(f"it lasts longer than {given['max_days']} days"))
    if (schedule.review_on - schedule.start_on).days > given["review_within_days"]:
        found.append(violation(f"it is reviewed later than {given['review_within_days']} days after its start"))
    if schedule.end_on < case.today:
        found.append(violation(f"it ended on {schedule.end_on}"))
    return found or passed(f"from {schedule.start_on} to {schedule.end_on}, reviewed on {schedule.review_on}")


def reidentification_prohibited(case: Case, given: Parameters) -> list[Verdict]:
    """Pseudonymised rows may not be traced back to people; any joining with other data is described."""
    request = case.request
    found = []
    pseudonymised = request.identifiability is Identifiability.PSEUDONYMISED
    if pseudonymised and not request.reidentification_prohibited:
        found.append(violation("tracing pseudonymised rows back to people is not prohibited"))
    if request.linkage.planned and words(request.linkage.with_data) < given["min_words"]:
        found.append(violation("joining with other data is planned, and linkage.with_data does not say which"))
    return found or passed("no tracing back; joining with other data is described")
