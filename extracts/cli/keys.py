"""`extracts keys ...`: the pseudonym keys of agreements; backed up to, and restored with, the recovery key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extracts.cli.options import Actor, Json, Reasons, RequestId, acting, workplace
from extracts.cli.output import answer, out, show_table

app = typer.Typer(no_args_is_help=True, help="Pseudonym keys: list, back up, restore, replace.")


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """Which agreements have a key, and its id; never the key."""
    from extracts.steps.keys import key_ids

    found = key_ids(workplace().places.keys)
    answer(found, as_json, lambda: show_table("Keys", ("agreement", "key id"), found.items()))


@app.command()
def backup(to: Annotated[Path, typer.Option(help="The file to write; it must not be there.")]) -> None:
    """Write all keys, encrypted to the controller's recovery key."""
    from extracts.steps.key_backup import backup_keys

    out.print(f"{backup_keys(workplace(), to)} keys are in {to}, readable with the recovery key only.")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A backup.", exists=True, dir_okay=False)],
    identity: Annotated[
        Path, typer.Option(help="The recovery key: an age identity file.", exists=True, dir_okay=False)
    ],
    user: Actor = "",
) -> None:
    """Bring back keys that are missing; one that is there is never overwritten."""
    from extracts.steps.key_backup import restore_keys

    restored = restore_keys(workplace(), source, identity, acting(user))
    out.print(f"Restored: {', '.join(restored)}." if restored else "No key was missing.")


@app.command()
def replace(request_id: RequestId, reasons: Reasons, user: Actor = "") -> None:
    """Give an agreement a new key because the old one is lost or suspect: pseudonyms stop joining to earlier ones."""
    from extracts.steps.key_backup import replace_agreement_key

    out.print(f"New key {replace_agreement_key(workplace(), request_id, reasons, acting(user))}.")
