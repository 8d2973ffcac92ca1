"""`extracts decide`: what two people read and sign. Keys stay with them."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extracts.cli.options import Json, Reasons, RequestId, signed_in, workplace
from extracts.cli.output import answer, err, show_facts
from extracts.cli.signing import Key, Print, SignatureFile, Signer, must_be, print_to_sign
from extracts.errors import UsageError

if TYPE_CHECKING:
    from extracts.agreement.decision import Decision, DecisionOutcome
    from extracts.agreement.drawing_up import Terms
    from extracts.catalogue.people import Role
    from extracts.steps.decided import Signed
    from extracts.steps.drafting import Draft
    from extracts.steps.workplace import Workplace

RefuseColumn = Annotated[
    list[str] | None, typer.Option(help="Refuse this column, and why; may be repeated.", metavar="NAME[=WHY]")
]
Comment = Annotated[
    list[str] | None,
    typer.Option(help="With --outcome return: what is wrong with a field; may be repeated.", metavar="FIELD=TEXT"),
]


def decide(
    request_id: RequestId,
    role: Annotated[str, typer.Option("--as", help="board or controller.")],
    outcome: Annotated[str, typer.Option(help="approve, refuse or return; needed by whoever signs first.")] = "",
    reasons: Reasons = "",
    signer: Signer = "",
    key: Key = None,
    signature: SignatureFile = None,
    print_only: Print = False,
    refuse_column: RefuseColumn = None,
    condition: Annotated[list[str] | None, typer.Option(help="A condition; may be repeated.")] = None,
    valid_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; default: today.")
    ] = None,
    valid_until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day, inclusive.")] = None,
    review_on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the review.")] = None,
    delegation: Annotated[str, typer.Option(help="Id of the Controller's delegation.")] = "",
    reason_code: Annotated[str, typer.Option(help="Why refused, as a code.")] = "",
    clause: Annotated[str, typer.Option(help="Under which clause; default: those of the findings.")] = "",
    acceptable: Annotated[str, typer.Option(help="What would be acceptable.")] = "",
    route: Annotated[str, typer.Option(help="Escalation route, by its id in the policy; default: the first.")] = "",
    comment: Comment = None,
    as_json: Json = False,
) -> None:
    """Decide on a request, terms first: the second of two signatures puts it in force; a return takes one."""
    from extracts.agreement.drawing_up import Terms

    work, as_role = workplace(), _role(role)
    if [key is None, signature is None, not print_only].count(False) != 1:
        raise UsageError("Give --key, to sign here; or --print, and then --signature, made elsewhere.")
    dates = (valid_from, valid_until, review_on)
    words = (reasons, refuse_column, condition, delegation, reason_code, clause, acceptable, route, comment)
    if not outcome and any((*dates, *words)):
        raise UsageError("Terms come with --outcome; without it, you sign those that were drawn up.")
    refused = dict(_name_and_why(text) for text in refuse_column or ())
    terms = outcome and Terms(
        outcome=_outcome(outcome, refused),
        reasons=reasons,
        conditions=tuple(condition or ()),
        valid_from=valid_from.date() if valid_from else None,
        valid_until=valid_until.date() if valid_until else None,
        review_on=review_on.date() if review_on else None,
        delegation=delegation or _only_delegation(work),
        reason_code=reason_code,
        clause=clause,
        acceptable=acceptable,
        route=route,
        comments=tuple(_name_and_why(text) for text in comment or ()),
        column_reasons=refused,
    )
    if signature:
        if terms:
            raise UsageError("--signature is over a document that was drawn up: leave --outcome out.")
        _sign_elsewhere(work, request_id, as_role, signature, signer, as_json)
    else:
        drawn = _drawn(work, request_id, as_role, terms or None, tuple(refused), with_drafts=print_only)
        if key:
            _sign_here(work, drawn, as_role, key, signer, as_json)
        else:
            _print(work, drawn, as_role)


def _drawn(
    work: Workplace, request_id: str, role: Role, terms: Terms | None, refused: tuple[str, ...], with_drafts: bool
) -> Decision | Draft:
    """What is to be signed: with terms, the document that has them; without, what the other role signed."""
    from extracts.steps.decided import waiting_decisions
    from extracts.steps.decisions import pending_decision
    from extracts.steps.drafting import to_be_signed

    if terms:
        return to_be_signed(work, request_id, terms, refused)
    found = pending_decision(work, request_id, role)
    drafts = waiting_decisions(work, request_id) if with_drafts else ()
    if found := found or next((s.decision for s in drafts), None):
        return found
    raise UsageError(
        f"No decision on {request_id} that the other one signed waits for your signature.",
        advice="Say what you decide: --outcome.",
    )


def _sign_here(work: Workplace, drawn: Decision | Draft, role: Role, key: Path, signer: str, as_json: bool) -> None:
    from extracts import signing
    from extracts.agreement.decision_words import decision_in_words
    from extracts.agreement.signers import NAMESPACES
    from extracts.steps.decisions import sign_decision
    from extracts.steps.drafting import decision_of

    decision = decision_of(drawn)
    show_facts("You sign", decision_in_words(decision), err)
    if sys.stdin.isatty() and not typer.confirm("Sign these terms?", err=True):
        raise UsageError("Nothing was signed.")
    text = signing.sign(decision.canonical(), key, NAMESPACES[role])
    must_be(work, decision.canonical(), text, NAMESPACES[role], signer)
    _show(sign_decision(work, drawn, role, text), as_json)


def _sign_elsewhere(work: Workplace, request_id: str, role: Role, file: Path, signer: str, as_json: bool) -> None:
    from extracts.steps.handing_in import HandedIn, hand_in

    text = file.read_text(errors="replace")  # whatever is no signature, ssh-keygen refuses
    _show(hand_in(work, HandedIn(request_id, role, text, signed_in(), signer)), as_json)


def _name_and_why(text: str) -> tuple[str, str]:
    name, _, why = text.partition("=")
    return name.strip(), why.strip()


def _outcome(name: str, refused: Collection[str]) -> DecisionOutcome:
    from extracts.agreement.decision import DecisionOutcome

    known = {"approve": DecisionOutcome.APPROVE, "refuse": DecisionOutcome.REFUSE, "return": DecisionOutcome.RETURN}
    if name not in known:
        raise UsageError(f"{name!r} is no outcome.", advice=f"Use one of {', '.join(known)}.")
    return DecisionOutcome.APPROVE_IN_PART if name == "approve" and refused else known[name]


def _only_delegation(work: Workplace) -> str:
    if len(work.parties.delegations) != 1:
        raise UsageError("Say under which delegation: --delegation.", advice=", ".join(work.parties.delegations))
    return next(iter(work.parties.delegations))


def _role(name: str) -> Role:
    from extracts.catalogue.people import Role

    if name not in ("board", "controller"):
        raise UsageError(f"Nobody decides as {name!r}.", advice="Use --as board or --as controller.")
    return Role(name)


def _print(work: Workplace, drawn: Decision | Draft, role: Role) -> None:
    from extracts.agreement.decision_words import decision_in_words
    from extracts.agreement.signers import NAMESPACES
    from extracts.steps.drafting import Draft, keep_draft

    decision = keep_draft(work, drawn, signed_in()) if isinstance(drawn, Draft) else drawn
    show_facts("What is to be signed", decision_in_words(decision), err)
    name = f"{decision.request_id}.decision.json"
    print_to_sign(decision.canonical(), name, NAMESPACES[role], f"{name}.sig with --signature")


def _show(signed: Signed, as_json: bool) -> None:
    document = {
        "request": signed.decision.request_id,
        "decision": signed.decision.digest,
        "plan": signed.decision.plan_digest,
        "outcome": signed.decision.outcome,
        "signatures": [f"{s.principal} as {s.namespace}, {s.recorded_at:%Y-%m-%d %H:%M}Z" for s in signed.signatures],
        "status": signed.status,
        "waits_for": "" if signed.complete else "the other signature",
    }
    answer({**document, "terms": signed.decision.document()}, as_json, lambda: show_facts("Decision", document))
