"""What `decide` and the orders share: sign here with a key, or print the document and take back a signature over it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extracts.cli.output import err
from extracts.errors import NotPermitted, UsageError

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

Signer = Annotated[str, typer.Option(help="Who signs, as in allowed_signers; another key's signature is refused.")]
Key = Annotated[Path | None, typer.Option(help="Your SSH key (or its .pub, with the key in an agent or in hardware).")]
SignatureFile = Annotated[
    Path | None,
    typer.Option(help="A signature made elsewhere, over what --print gave.", exists=True, dir_okay=False),
]
Print = Annotated[bool, typer.Option("--print", help="Print the document to be signed, and how; sign nothing.")]


def must_be(work: Workplace, data: bytes, text: str, namespace: str, signer: str) -> None:
    """Raises NotPermitted if a signer was named and the signature is another's."""
    from extracts.steps.signers import judge

    if signer and (found := judge(work, data, text, namespace, work.now()).principal) != signer:
        raise NotPermitted(f"This key signs as {found}, not as {signer}.")


def signature_over(data: bytes, namespace: str, key: Path | None, signature: Path | None) -> str:
    """The armoured signature: made here with `key`, or read from `signature`. Raises UsageError unless one is given."""
    from extracts import signing

    if (key is None) == (signature is None):
        raise UsageError("Give either --key, to sign here, or --signature, made elsewhere.")
    if signature is not None:
        return signature.read_text(errors="replace")  # whatever is no signature, ssh-keygen refuses
    assert key is not None
    return signing.sign(data, key, namespace)


def print_to_sign(data: bytes, name: str, namespace: str, hand_in: str) -> None:
    """The document's very bytes on standard output; how to sign and what to `hand_in` on standard error."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    err.print(
        f"\nSave the line above, without a line end, as {name} (or redirect this command to it), sign it with\n"
        f"  ssh-keygen -Y sign -f YOUR_KEY -n {namespace} {name}\n"
        f"and hand in {hand_in}.",
        markup=False,
    )
