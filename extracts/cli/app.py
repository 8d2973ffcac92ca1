"""All commands, put together. Heavy imports happen inside the commands, so that `verify` needs little installed."""

from __future__ import annotations

from typing import Annotated

import typer

from extracts import __version__
from extracts.cli import verify as verify_command

app = typer.Typer(
    name="extracts",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Approved requests become minimised, validated, signed and encrypted extracts.",
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)] = False,
) -> None:
    """Approved requests become minimised, validated, signed and encrypted extracts."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


app.command("verify")(verify_command.verify)
