"""`extracts suspend`, `resume`, `revoke`: signed orders on an agreement, effective at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extracts.cli.options import Json, Reasons, RequestId, workplace
from extracts.cli.output import answer, out
from extracts.cli.signing import Key, Print, SignatureFile, Signer, must_be, print_to_sign, signature_over
from extracts.errors import UsageError

if TYPE_CHECKING:
    from extracts.agreement.decision import Order
    from extracts.steps.workplace import Workplace

OrderFile = Annotated[
    Path | None,
    typer.Option("--order", help="The order that --print gave and that was signed.", exists=True, dir_okay=False),
]


def _command(kind: str, says: str) -> Callable[..., None]:
    """The command that gives orders of this kind."""

    def give(
        request_id: RequestId,
        reasons: Reasons = "",
        key: Key = None,
        signer: Signer = "",
        print_only: Print = False,
        order: OrderFile = None,
        signature: SignatureFile = None,
        as_json: Json = False,
    ) -> None:
        work = workplace()
        drawn_up = _printed(order, signature, request_id, kind) or _drawn_up(work, request_id, kind, reasons)
        if print_only:
            _print(drawn_up)
        else:
            _give(work, drawn_up, signer, key, signature, as_json)

    give.__doc__ = says
    return give


suspend = _command("suspend", "Stop an agreement for now, at once.")
resume = _command("resume", "Let a suspended agreement go on.")
revoke = _command("revoke", "End an agreement for good, at once.")


def _give(work: Workplace, order: Order, signer: str, key: Path | None, signature: Path | None, as_json: bool) -> None:
    from extracts import signing
    from extracts.steps.orders import sign_order

    text = signature_over(order.canonical(), signing.ORDER, key, signature)
    must_be(work, order.canonical(), text, signing.ORDER, signer)
    status = sign_order(work, order, text)
    document = {"request": order.request_id, "status": status, "order": order.document()}
    answer(document, as_json, lambda: out.print(f"{order.request_id} is {status}."))


def _print(order: Order) -> None:
    from extracts import signing

    name = f"{order.request_id}.{order.kind}.json"
    print_to_sign(order.canonical(), name, signing.ORDER, f"both: --order {name} --signature {name}.sig")


def _drawn_up(work: Workplace, request_id: str, kind: str, reasons: str) -> Order:
    from extracts.agreement.decision import OrderKind
    from extracts.steps.orders import draw_up_order
    from extracts.steps.requests import stored_request

    stored_request(work, request_id)
    return draw_up_order(work, request_id, OrderKind(kind), reasons)


def _printed(file: Path | None, signature: Path | None, request_id: str, kind: str) -> Order | None:
    """The order that was printed and signed elsewhere, if one is handed in. Raises UsageError if it is another."""
    from extracts.agreement.decision import order_from_document
    from extracts.handover.statement import read_json

    if (file is None) != (signature is None):
        raise UsageError("An order signed elsewhere comes as two files.", advice="Give both: --order and --signature.")
    if file is None:
        return None
    order = order_from_document(read_json(file.read_bytes(), file.name))
    if (order.request_id, order.kind) != (request_id, kind):
        raise UsageError(f"{file.name} is an order to {order.kind} {order.request_id}, not to {kind} {request_id}.")
    return order
