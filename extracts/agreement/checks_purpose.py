"""Is the purpose clear, and who is responsible for it?"""

from __future__ import annotations

from extracts.agreement.policy_case import Case, Parameters, Verdict, gap, passed, violation, words
from extracts.agreement.request_words import ControllerRole
from extracts.catalogue.people import Role


def purpose_described(case: Case, given: Parameters) -> list[Verdict]:
    """Purpose, aims, help, necessity and alternatives have at least `min_words` words each, and a benefit is named."""
    purpose = case.request.purpose
    texts = {
        "text": purpose.text,
        "aims": purpose.aims,
        "how_data_helps": purpose.how_data_helps,
        "necessity": purpose.necessity,
        "alternatives_considered": purpose.alternatives_considered,
        "impact_if_refused": purpose.impact_if_refused,
    }
    short = [name for name, text in texts.items() if words(text) < given["min_words"]]
    found = [violation(f"purpose.{name} says too little (fewer than {given['min_words']} words)") for name in short]
    if not purpose.public_benefits:
        found.append(violation("no public benefit is named"))
    return found or passed("purpose, necessity, alternatives and benefits are described")


def people_described(case: Case, given: Parameters) -> list[Verdict]:
    """It says whose data it is, in at least `min_words` words."""
    if words(case.request.data_subjects) < given["min_words"]:
        return [violation(f"data_subjects says too little (fewer than {given['min_words']} words)")]
    return passed(case.request.data_subjects)


def controllers_named(case: Case, _: Parameters) -> list[Verdict]:
    """The data's controller and every recipient's body are named, and as controllers."""
    roles = {c.organisation: c.role for c in case.request.controllers}
    found = [gap(f"organisation {name!r} is not declared") for name in roles if name not in case.parties.organisations]
    needed = {source.controller for _, source in case.sources()} | {o.id for o in case.bodies}
    for name in sorted(needed):
        if name not in roles:
            found.append(violation(f"{name} is not named among the controllers"))
        elif roles[name] is ControllerRole.PROCESSOR:
            found.append(violation(f"{name} is named as a processor; once shared, both bodies are controllers"))
    return found or passed(f"controllers: {', '.join(f'{name} ({role})' for name, role in roles.items())}")


def requester_may_ask(case: Case, _: Parameters) -> list[Verdict]:
    """The requester's body is declared, the requester is one of its people, and a recipient belongs to it."""
    asking, email = case.request.requester.organisation, case.request.requester.email
    if asking not in case.parties.organisations:
        return [gap(f"organisation {asking!r} is not declared; declared: {', '.join(case.parties.organisations)}")]
    found = []
    principal = case.parties.principals.get(email)
    if principal is None or principal.organisation != asking or not principal.has_role(Role.REQUESTER, case.today):
        found.append(gap(f"{email} is not declared as a requester of {asking}"))
    receiving = [o.id for o in case.bodies]
    if receiving and asking not in receiving:
        found.append(violation(f"{asking} asks for data to be sent to {', '.join(receiving)}"))
    return found or passed(f"{email} asks for {asking}")
