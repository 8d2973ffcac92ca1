"""`extracts suspend`, `resume`, `revoke`: signed orders on an agreement, effective at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extracts.cli.options import Json, Reasons, RequestId, workplace
from extracts.cli.output import answer, out
from extracts.cli.signing import Signer, must_be

OrderKey = Annotated[Path, typer.Option("--key", help="Your SSH key; the service has none that counts.")]


def suspend(request_id: RequestId, reasons: Reasons, key: OrderKey, signer: Signer = "", as_json: Json = False) -> None:
    """Stop an agreement for now, at once."""
    _order(request_id, "suspend", reasons, signer, key, as_json)


def resume(request_id: RequestId, reasons: Reasons, key: OrderKey, signer: Signer = "", as_json: Json = False) -> None:
    """Let a suspended agreement go on."""
    _order(request_id, "resume", reasons, signer, key, as_json)


def revoke(request_id: RequestId, reasons: Reasons, key: OrderKey, signer: Signer = "", as_json: Json = False) -> None:
    """End an agreement for good, at once."""
    _order(request_id, "revoke", reasons, signer, key, as_json)


def _order(request_id: str, kind: str, reasons: str, signer: str, key: Path, as_json: bool) -> None:
    from extracts import signing
    from extracts.agreement.decision import OrderKind
    from extracts.steps.orders import draw_up_order, sign_order

    work = workplace()
    order = draw_up_order(work, request_id, OrderKind(kind), reasons)
    text = signing.sign(order.canonical(), key, signing.ORDER)
    must_be(work, order.canonical(), text, signing.ORDER, signer)
    status = sign_order(work, order, text)
    document = {"request": request_id, "status": status, "order": order.document()}
    answer(document, as_json, lambda: out.print(f"{request_id} is {status}."))
