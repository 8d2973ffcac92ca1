"""`extracts decide`, `suspend`, `resume`, `revoke`: what two people sign. Keys stay with them."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extracts.cli.options import Json, Reasons, RequestId, workplace
from extracts.cli.output import answer, err, out, show_facts
from extracts.errors import NotPermitted, UsageError

if TYPE_CHECKING:
    from extracts.agreement.decision import Decision, DecisionOutcome
    from extracts.agreement.drawing_up import Terms
    from extracts.catalogue.people import Role
    from extracts.steps.decisions import Signed
    from extracts.steps.workplace import Workplace

Signer = Annotated[str, typer.Option(help="Who signs, as in allowed_signers; another key's signature is refused.")]
Key = Annotated[Path | None, typer.Option(help="Your SSH key (or its .pub, with the key in an agent or in hardware).")]
OrderKey = Annotated[Path, typer.Option("--key", help="Your SSH key; the service has none that counts.")]
SignatureFile = Annotated[
    Path | None,
    typer.Option(help="A signature made elsewhere, over what --print gave.", exists=True, dir_okay=False),
]
Print = Annotated[bool, typer.Option("--print", help="Print the document to be signed, and how; sign nothing.")]


def decide(
    request_id: RequestId,
    role: Annotated[str, typer.Option("--as", help="board or controller.")],
    outcome: Annotated[str, typer.Option(help="approve, refuse or return; needed by whoever signs first.")] = "",
    reasons: Reasons = "",
    signer: Signer = "",
    key: Key = None,
    signature: SignatureFile = None,
    print_only: Print = False,
    refuse_column: Annotated[list[str] | None, typer.Option(help="Refuse this column; may be repeated.")] = None,
    condition: Annotated[list[str] | None, typer.Option(help="A condition; may be repeated.")] = None,
    valid_until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day, inclusive.")] = None,
    delegation: Annotated[str, typer.Option(help="Id of the Controller's delegation.")] = "",
    reason_code: Annotated[str, typer.Option(help="Why refused, as a code.")] = "",
    acceptable: Annotated[str, typer.Option(help="What would be acceptable.")] = "",
    as_json: Json = False,
) -> None:
    """Decide on a request: the second of two signatures puts it in force; a return takes one."""
    from extracts.agreement.drawing_up import Terms
    from extracts.steps.decisions import NAMESPACES, draw_up_decision, pending_decision, sign_decision

    work, as_role = workplace(), _role(role)
    decision = None if outcome else pending_decision(work, request_id)
    if decision is None:
        if not outcome:
            raise UsageError(f"No decision on {request_id} waits for a signature.", advice="Draw one up: --outcome.")
        terms = Terms(
            outcome=_outcome(outcome, refuse_column),
            reasons=reasons,
            conditions=tuple(condition or ()),
            valid_until=valid_until.date() if valid_until else None,
            delegation=delegation or _only_delegation(work),
            reason_code=reason_code,
            acceptable=acceptable,
        )
        refused = tuple(refuse_column or ())
        decision = _waiting_same(work, request_id, terms, refused)
        decision = decision or draw_up_decision(work, request_id, terms, refused, signer or role, as_role)
    if print_only:
        _print(decision, NAMESPACES[as_role])
        return
    text = _signature(decision.canonical(), NAMESPACES[as_role], key, signature)
    _must_be(work, decision.canonical(), text, NAMESPACES[as_role], signer)
    _show(sign_decision(work, decision, as_role, text), as_json)


def _waiting_same(work: Workplace, request_id: str, terms: Terms, refused: tuple[str, ...]) -> Decision | None:
    """A waiting decision that says the same: whoever comes second signs it, and need not know that they do."""
    from extracts.steps.decisions import pending_decision

    waiting = pending_decision(work, request_id)
    if waiting is None or waiting.outcome != terms.outcome:
        return None
    in_part = waiting.outcome == "approve in part"  # a refusal of everything names no columns when it is asked for
    named = {c.column for c in waiting.columns if in_part and not c.granted}
    same = (
        named == {n.rpartition(".")[2] for n in refused},
        waiting.conditions == terms.conditions,
        terms.acceptable in ("", waiting.acceptable),
        terms.valid_until in (None, waiting.valid_until),
        terms.reasons in ("", waiting.reasons),
    )
    return waiting if all(same) else None


def _outcome(name: str, refused: list[str] | None) -> DecisionOutcome:
    from extracts.agreement.decision import DecisionOutcome

    known = {"approve": DecisionOutcome.APPROVE, "refuse": DecisionOutcome.REFUSE, "return": DecisionOutcome.RETURN}
    if name not in known:
        raise UsageError(f"{name!r} is no outcome.", advice=f"Use one of {', '.join(known)}.")
    return DecisionOutcome.APPROVE_IN_PART if name == "approve" and refused else known[name]


def _only_delegation(work: Workplace) -> str:
    if len(work.parties.delegations) != 1:
        raise UsageError("Say under which delegation: --delegation.", advice=", ".join(work.parties.delegations))
    return next(iter(work.parties.delegations))


def suspend(request_id: RequestId, reasons: Reasons, key: OrderKey, signer: Signer = "") -> None:
    """Stop an agreement for now, at once."""
    _order(request_id, "suspend", reasons, signer, key)


def resume(request_id: RequestId, reasons: Reasons, key: OrderKey, signer: Signer = "") -> None:
    """Let a suspended agreement go on."""
    _order(request_id, "resume", reasons, signer, key)


def revoke(request_id: RequestId, reasons: Reasons, key: OrderKey, signer: Signer = "") -> None:
    """End an agreement for good, at once."""
    _order(request_id, "revoke", reasons, signer, key)


def _order(request_id: str, kind: str, reasons: str, signer: str, key: Path) -> None:
    from extracts import signing
    from extracts.agreement.decision import OrderKind
    from extracts.steps.orders import draw_up_order, sign_order

    work = workplace()
    order = draw_up_order(work, request_id, OrderKind(kind), reasons)
    text = signing.sign(order.canonical(), key, signing.ORDER)
    _must_be(work, order.canonical(), text, signing.ORDER, signer)
    out.print(f"{request_id} is {sign_order(work, order, text)}.")


def _role(name: str) -> Role:
    from extracts.catalogue.people import Role

    if name not in ("board", "controller"):
        raise UsageError(f"Nobody decides as {name!r}.", advice="Use --as board or --as controller.")
    return Role(name)


def _signature(data: bytes, namespace: str, key: Path | None, signature: Path | None) -> str:
    from extracts import signing

    if (key is None) == (signature is None):
        raise UsageError("Give either --key, to sign here, or --signature, made elsewhere.")
    if signature is not None:
        return signature.read_text(errors="replace")  # whatever is no signature, ssh-keygen refuses
    assert key is not None
    return signing.sign(data, key, namespace)


def _must_be(work: Workplace, data: bytes, text: str, namespace: str, signer: str) -> None:
    """Whoever says who they are must be who the key says."""
    from extracts.steps.signers import judge

    if signer and (found := judge(work, data, text, namespace, work.now()).principal) != signer:
        raise NotPermitted(f"This key signs as {found}, not as {signer}.")


def _print(decision: Decision, namespace: str) -> None:
    sys.stdout.buffer.write(decision.canonical())
    sys.stdout.flush()
    name = f"{decision.request_id}.decision.json"
    err.print(
        f"\nSave the line above, without a line end, as {name} (or redirect this command to it), sign it with\n"
        f"  ssh-keygen -Y sign -f YOUR_KEY -n {namespace} {name}\n"
        f"and hand in {name}.sig with --signature.",
        markup=False,
    )


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
    answer(document, as_json, lambda: show_facts("Decision", document))
