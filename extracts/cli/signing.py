"""What `decide` and the orders share: whoever says who they are must be who the key says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from extracts.errors import NotPermitted

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

Signer = Annotated[str, typer.Option(help="Who signs, as in allowed_signers; another key's signature is refused.")]


def must_be(work: Workplace, data: bytes, text: str, namespace: str, signer: str) -> None:
    """Raises NotPermitted if a signer was named and the signature is another's."""
    from extracts.steps.signers import judge

    if signer and (found := judge(work, data, text, namespace, work.now()).principal) != signer:
        raise NotPermitted(f"This key signs as {found}, not as {signer}.")
