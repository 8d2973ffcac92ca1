"""Is it proportionate, column by column? Declared, justified, treated, and never what must not leave."""

from __future__ import annotations

from collections import Counter

from extracts.agreement.floors import treatment_problem
from extracts.agreement.plan import SafeAddress
from extracts.agreement.plan_floors import tells_address
from extracts.agreement.policy_case import (
    Case,
    Parameters,
    Verdict,
    gap,
    not_applicable,
    passed,
    violation,
    words,
)
from extracts.agreement.request_rows import DatasetAsked
from extracts.catalogue.contract import Classification, Identifiability
from extracts.catalogue.gateways import PurposeNature


def columns_declared(case: Case, _: Parameters) -> list[Verdict]:
    """Every column asked for is in the contract. One that is not is not held, as far as anyone can say."""
    unknown = [d.dataset for d in case.request.datasets if d.dataset not in case.datasets]
    found = [gap(f"columns of {name} cannot be judged: it is not declared") for name in unknown]
    for asked, source in case.sources():
        missing = [c.name for c in asked.columns if source.column(c.name) is None]
        if missing:
            has = ", ".join(c.name for c in source.columns if c.classification is not Classification.CONTROL)
            names = (f"{asked.dataset}.{name}" for name in missing)
            found.append(gap(f"not held: {asked.dataset} declares no {', '.join(missing)}; it has: {has}", names))
    return found or passed(f"{len(case.columns())} columns, all declared")


def columns_justified(case: Case, given: Parameters) -> list[Verdict]:
    """Each column has a reason of `min_words` words, and no reason serves more than `max_repeats` columns."""
    short = [c.name for c in case.columns() if words(c.asked.justification) < given["min_words"]]
    counts = Counter(c.asked.justification.casefold() for c in case.columns())
    copied = [c.name for c in case.columns() if counts[c.asked.justification.casefold()] > given["max_repeats"]]
    found = []
    if short:
        found.append(violation(f"justified in fewer than {given['min_words']} words", short))
    if copied:
        found.append(violation("justified by one text that was copied from column to column", copied))
    return found or passed("every column has a reason of its own")


def treatments_allowed(case: Case, _: Parameters) -> list[Verdict]:
    """Every column is treated as its contract demands for the asked form."""
    found = []
    for use in case.columns():
        if use.column and (
            why := treatment_problem(use.column, use.asked.treatment.name, case.request.identifiability)
        ):
            found.append(violation(why, (use.name,)))
    return found or passed("every treatment is one that the contract lists")


def free_text_never(case: Case, _: Parameters) -> list[Verdict]:
    """Free text is neither delivered nor used to choose rows: nobody can know what it says."""
    found = case.of_class(Classification.FREE_TEXT)
    return [violation("free text is never shared", found)] if found else passed("no free text")


def financial_accounts(case: Case, given: Parameters) -> list[Verdict]:
    """Bank details only for `purposes`."""
    found = case.of_class(Classification.FINANCIAL_ACCOUNT)
    if not found:
        return not_applicable("no bank details")
    if case.request.purpose.code in given["purposes"]:
        return passed(f"bank details are permitted for {case.request.purpose.code}")
    return [violation(f"bank details are not shared for {case.request.purpose.code}", found)]


def addresses_reasoned(case: Case, given: Parameters) -> list[Verdict]:
    """Addresses have a reason of their own of `min_words` words, and are never for statistics."""
    found: list[Verdict] = []
    for asked, names in _addresses(case):
        if words(asked.address_reason) < given["min_words"]:
            found.append(violation(f"addresses of {asked.dataset} have no sufficient address_reason", names))
        full = [u.name for u in case.columns() if u.name in names and u.asked.treatment.name == "keep"]
        if full and _statistical(case):
            found.append(violation("full addresses are not needed for statistics", full))
    if found or _addresses(case):
        return found or passed("addresses have a reason of their own")
    return not_applicable("no addresses")


def safe_address_planned(case: Case, _: Parameters) -> list[Verdict]:
    """Where addresses are asked for, the request says whether rows or columns go for people who must stay hidden."""
    found: list[Verdict] = []
    for asked, names in _addresses(case):
        if asked.safe_address is SafeAddress.NOT_APPLICABLE:
            found.append(violation(f"{asked.dataset} does not say what happens to people with a safe address", names))
        if not case.datasets[asked.dataset].safe_address_column:
            found.append(gap(f"{asked.dataset} has no safe-address marker: nobody could be protected", names))
    if found or _addresses(case):
        return found or passed("people with a safe address are protected")
    return not_applicable("no addresses")


def least_identifying_form(case: Case, _: Parameters) -> list[Verdict]:
    """Statistics get pseudonymised rows: they need no names."""
    if not _statistical(case):
        return not_applicable("the purpose concerns individual people")
    if case.request.identifiability is Identifiability.IDENTIFIED:
        return [violation(f"{case.request.purpose.code} is a statistical purpose and must not name people")]
    return passed("statistics from pseudonymised rows")


def _addresses(case: Case) -> list[tuple[DatasetAsked, tuple[str, ...]]]:
    """Per dataset, its address columns that are asked for; a mere mark of presence tells no address."""
    found = []
    for asked, _ in case.sources():
        names = tuple(
            u.name
            for u in case.columns()
            if u.dataset == asked.dataset and u.column and tells_address(u.column, u.asked)
        )
        if names:
            found.append((asked, names))
    return found


def _statistical(case: Case) -> bool:
    purpose = case.parties.purposes.get(case.request.purpose.code)
    return purpose is not None and purpose.nature is PurposeNature.STATISTICAL
