"""`extracts keys ...`: the pseudonym keys of agreements; backed up to, and restored with, the recovery key. And the
recipients' public keys, which count once they are confirmed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extracts.cli.options import Actor, Json, Reasons, acting, workplace
from extracts.cli.output import answer, err, out, show_table
from extracts.errors import UsageError

app = typer.Typer(
    no_args_is_help=True, help="Pseudonym keys: list, back up, restore, replace. Recipients' keys: confirm."
)
Owner = Annotated[str, typer.Argument(help="Id of the request, or `membership`.", metavar="ID", show_default=False)]


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """Which agreements have a key, and its id; never the key."""
    from extracts.steps.keys import key_ids

    found = key_ids(workplace().places.keys)
    rows = [(owner, key_id or "damaged: restore or replace it") for owner, key_id in found.items()]
    answer(found, as_json, lambda: show_table("Keys", ("agreement", "key id"), rows))


@app.command()
def backup(
    to: Annotated[Path, typer.Option(help="The file to write; it must not be there.")], as_json: Json = False
) -> None:
    """Write all keys, encrypted to the controller's recovery key."""
    from extracts.steps.key_backup import backup_keys

    count, damaged = backup_keys(workplace(), to)
    said = f"{count} keys are in {to}, readable with the recovery key only."
    answer({"keys": count, "file": str(to), "damaged": damaged}, as_json, lambda: out.print(said, markup=False))
    if damaged:
        err.print(f"Not in it, for their files are damaged: {', '.join(damaged)}.", markup=False)
        raise typer.Exit(1)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A backup.", exists=True, dir_okay=False)],
    identity: Annotated[
        Path, typer.Option(help="The recovery key: an age identity file.", exists=True, dir_okay=False)
    ],
    only: Annotated[list[str] | None, typer.Option(help="Only the key of this agreement; may be repeated.")] = None,
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """Bring back keys that are missing or damaged. A whole one is never overwritten."""
    from extracts.steps.key_backup import restore_keys

    restored, retired = restore_keys(workplace(), source, identity, acting(user), only or ())
    said = f"Restored: {', '.join(restored)}." if restored else "No key was missing."
    said += f" Kept, and not used any more: {', '.join(retired)}." if retired else ""
    answer({"restored": restored, "retired": retired}, as_json, lambda: out.print(said, markup=False))


@app.command()
def replace(owner: Owner, reasons: Reasons, user: Actor = "", as_json: Json = False) -> None:
    """Give an agreement a new key. The old one is lost or suspect: pseudonyms stop joining to earlier ones."""
    from extracts.steps.key_backup import replace_agreement_key

    key_id = replace_agreement_key(workplace(), owner, reasons, acting(user))
    answer({"request": owner, "key": key_id}, as_json, lambda: out.print(f"New key {key_id}.", markup=False))


@app.command("confirm-recipient")
def confirm_recipient(
    recipient: Annotated[str, typer.Argument(help="Id of the recipient.", show_default=False)],
    fingerprint: Annotated[
        list[str], typer.Option(help="As they read it out: SHA256:... or age1...; may be repeated.")
    ],
    channel: Annotated[str, typer.Option(help="telephone, video call, in person or post.")],
    spoke_with: Annotated[str, typer.Option(help="With whom it was compared.")],
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """Confirm a recipient's keys, compared with them out of band. Before that they count for nothing."""
    from extracts.steps.recipients import Channel, unconfirmed
    from extracts.steps.recipients import confirm_recipient as confirm

    if channel not in list(Channel):
        raise UsageError(f"There is no channel {channel!r}.", advice=f"Known: {', '.join(Channel)}.")
    work = workplace()
    new = confirm(work, recipient, fingerprint, Channel(channel), spoke_with, acting(user))
    left = unconfirmed(work, work.parties.recipients[recipient])
    said = f"Confirmed: {', '.join(new) or 'nothing new'}."
    said += f" Still not confirmed: {', '.join(left.fingerprints)}." if left else f" All keys of {recipient} count now."
    document = {"recipient": recipient, "confirmed": new, "unconfirmed": left.fingerprints if left else ()}
    answer(document, as_json, lambda: out.print(said, markup=False))
