"""Is it lawful? The power (gateway, purpose, direction), the lawful basis, and onward sharing.

A power and a lawful basis are two things: section 34 permits sharing, article 6 permits processing. Both are needed.
"""

from __future__ import annotations

from extracts.agreement.policy_case import Case, Parameters, Verdict, gap, not_applicable, passed, violation
from extracts.agreement.request_words import DataType
from extracts.catalogue.contract import Classification
from extracts.catalogue.gateways import BodyKind, Gateway, GatewayStatus, OnwardSharing
from extracts.catalogue.parties import Organisation, Recipient, RecipientStatus


def gateway_in_force(case: Case, _: Parameters) -> list[Verdict]:
    """The gateway is in the register, confirmed, and in force today."""
    gateway = case.gateway
    if gateway is None:
        return [_no_gateway(case)]
    if gateway.status is GatewayStatus.NOT_A_POWER:
        return [violation(f"{gateway.id} is no power to share: {gateway.note}")]
    if gateway.status is GatewayStatus.UNVERIFIED:
        return [gap(f"{gateway.id} is in the register, but nobody has confirmed it: {gateway.note}")]
    if not gateway.is_in_force(case.today):
        return [violation(f"{gateway.id} is not in force on {case.today}")]
    return passed(f"{gateway.id} is in force")


def gateway_permits_purpose(case: Case, _: Parameters) -> list[Verdict]:
    """The gateway lists the purpose code; a prohibited one is told with its reason."""
    gateway, code = case.gateway, case.request.purpose.code
    if code not in case.parties.purposes:
        return [gap(f"purpose {code!r} is not declared; declared: {', '.join(case.parties.purposes)}")]
    if gateway is None:
        return [_no_gateway(case)]
    if code in gateway.prohibited:
        return [violation(f"{gateway.id} must not be used for {code}: {gateway.prohibited[code]}")]
    if code not in gateway.purposes():
        return [violation(f"{gateway.id} does not permit {code}; it permits: {_listed(gateway.purposes())}")]
    return passed(f"{gateway.id} permits {code}")


def gateway_permits_direction(case: Case, _: Parameters) -> list[Verdict]:
    """The gateway permits this purpose from the data's controller to every recipient's kind of body, and regularly."""
    gateway = case.gateway
    if gateway is None:
        return [_no_gateway(case)]
    found = [_no_recipient(case, name) for name in case.strangers]
    for controller in sorted({source.controller for _, source in case.sources()}):
        provider = case.parties.organisations.get(controller)
        if provider is None:
            found.append(gap(f"controller {controller!r} of the data is not declared as an organisation"))
        else:
            found += [v for body in case.receiving if (v := _direction(case, gateway, provider, body))]
    if not gateway.recurring:
        found.append(violation(f"{gateway.id} carries decisions about one named person, never a recurring extract"))
    return found or passed(f"{gateway.id} permits this towards {', '.join(o.name for o in case.receiving)}")


def recipient_confirmed(case: Case, given: Parameters) -> list[Verdict]:
    """Every recipient is declared, not suspended, and its identity was confirmed within `max_days`."""
    found = [_no_recipient(case, name) for name in case.strangers]
    found += [v for recipient in case.recipients if (v := _unconfirmed(case, recipient, given["max_days"]))]
    if found:
        return found
    return passed("; ".join(f"recipient {r.id} was confirmed on {r.confirmed_on}" for r in case.recipients))


def onward_sharing_authorised(case: Case, _: Parameters) -> list[Verdict]:
    """Passing the data on is not asked for, or the gateway allows it and its authority is named."""
    request, gateway = case.request, case.gateway
    if not request.onward_sharing.asked and not request.other_recipients:
        return not_applicable("nobody but the recipient will see the data")
    if gateway is None:
        return [_no_gateway(case)]
    if gateway.onward_sharing is OnwardSharing.FORBIDDEN:
        return [violation(f"{gateway.id} forbids passing the data on")]
    if not request.onward_sharing.authority_ref:
        return [violation(f"passing the data on needs the authority of {gateway.authority}, and names none")]
    return passed(f"passing on rests on {request.onward_sharing.authority_ref}")


def article_6_basis(case: Case, given: Parameters) -> list[Verdict]:
    """The article 6 basis is one that the gateway goes with; `excluded` ones are closed to public authorities."""
    basis, gateway = case.request.legal.article_6.value, case.gateway
    if basis in given["excluded"]:
        return [violation(f"article {basis} is not open to public authorities for their tasks")]
    if gateway is None:
        return [_no_gateway(case)]
    if basis not in gateway.article_6:
        return [violation(f"article {basis} does not go with {gateway.id}; these do: {', '.join(gateway.article_6)}")]
    return passed(f"article {basis} goes with {gateway.id}")


def article_9_condition(case: Case, _: Parameters) -> list[Verdict]:
    """Special category data is declared as such and rests on an article 9 condition that the gateway goes with."""
    request, gateway, special = case.request, case.gateway, case.of_class(Classification.SPECIAL_CATEGORY)
    declared = DataType.SPECIAL_CATEGORY in request.data_types
    if not special and not declared:
        return not_applicable("no special category data")
    if special and not declared:
        return [violation("special category data is asked for, and data_types does not say so", special)]
    condition = request.legal.article_9
    if condition is None:
        return [violation("special category data has no article 9 condition", special)]
    if gateway is None:
        return [_no_gateway(case)]
    if condition.value not in gateway.article_9:
        return [
            violation(f"article {condition} does not go with {gateway.id}: {', '.join(gateway.article_9) or 'none'}")
        ]
    return passed(f"article {condition} goes with {gateway.id}")


def schedule_1_condition(case: Case, given: Parameters) -> list[Verdict]:
    """`paragraphs` lists, per article 9 condition, the paragraphs of Schedule 1 (DPA 2018) that it can rest on."""
    condition, paragraph = case.request.legal.article_9, case.request.legal.schedule_1_paragraph
    if condition is None or condition.value not in given["paragraphs"]:
        return not_applicable("the basis needs no condition of Schedule 1")
    possible = given["paragraphs"][condition.value]
    if paragraph not in possible:
        has = "names none" if paragraph is None else f"names paragraph {paragraph}"
        return [violation(f"article {condition} needs a paragraph of Schedule 1 ({_listed(possible)}) and {has}")]
    return passed(f"Schedule 1, paragraph {paragraph}")


def appropriate_policy_document(case: Case, given: Parameters) -> list[Verdict]:
    """A paragraph of Schedule 1 needs an appropriate policy document, unless it is in `without`."""
    legal = case.request.legal
    if legal.schedule_1_paragraph is None or legal.schedule_1_paragraph in given["without"]:
        return not_applicable("no paragraph of Schedule 1 that needs one")
    if not legal.appropriate_policy_document:
        return [violation(f"paragraph {legal.schedule_1_paragraph} needs an appropriate policy document")]
    return passed(f"appropriate policy document {legal.appropriate_policy_document}")


def no_law_enforcement(case: Case, _: Parameters) -> list[Verdict]:
    """No recurring extract for law enforcement (Data Protection Act 2018, Part 3) or of criminal offence data."""
    request = case.request
    found = []
    if request.legal.part_3_applies or any(body.kind is BodyKind.POLICE for body in case.receiving):
        found.append(violation("processing for law enforcement is decided case by case, never by an extract"))
    if DataType.CRIMINAL_OFFENCE in request.data_types:
        found.append(violation("criminal offence data is not shared by extracts"))
    return found or passed("no law enforcement processing")


def stays_in_uk(case: Case, given: Parameters) -> list[Verdict]:
    """The data stays in the UK, or goes to `countries` only."""
    if not case.request.leaves_uk and not case.request.countries:
        return passed("the data stays in the United Kingdom")
    named = case.request.countries
    if not named:
        return [violation("the data leaves the United Kingdom, and no country is named")]
    beyond = [c for c in named if c not in given["countries"]]
    return (
        [violation(f"not permitted outside the United Kingdom: {', '.join(beyond)}")]
        if beyond
        else passed(f"permitted countries: {', '.join(named)}")
    )


def _direction(case: Case, gateway: Gateway, provider: Organisation, receiver: Organisation) -> Verdict | None:
    code = case.request.purpose.code
    if _permits(gateway, code, provider.kind, receiver.kind):
        return None
    way = f"from {provider.name} ({provider.kind}) to {receiver.name} ({receiver.kind})"
    return violation(f"{gateway.id} permits {code} not {way}")


def _unconfirmed(case: Case, recipient: Recipient, max_days: int) -> Verdict | None:
    if recipient.status is not RecipientStatus.CONFIRMED:
        return violation(f"recipient {recipient.id} is {recipient.status}")
    if not 0 <= (case.today - recipient.confirmed_on).days <= max_days:
        since = f"on {recipient.confirmed_on}, which counts for {max_days} days"
        return violation(f"recipient {recipient.id} was confirmed {since}")
    expected = case.request.transfer.key_fingerprint
    if expected and expected not in {k.fingerprint for k in recipient.keys}:
        return gap(f"the key that the request expects is not declared for {recipient.id}")
    return None


def _permits(gateway: Gateway, code: str, provider: BodyKind, receiver: BodyKind) -> bool:
    return any(code in p.purposes and provider in p.provider and receiver in p.receiver for p in gateway.permits)


def _no_gateway(case: Case) -> Verdict:
    return gap(f"gateway {case.request.legal.gateway!r} is not declared; declared: {', '.join(case.parties.gateways)}")


def _no_recipient(case: Case, name: str) -> Verdict:
    return gap(f"recipient {name!r} is not declared; declared: {', '.join(case.parties.recipients)}")


def _listed(values: object) -> str:
    return ", ".join(sorted(map(str, values))) if isinstance(values, frozenset | list | tuple) else ""
