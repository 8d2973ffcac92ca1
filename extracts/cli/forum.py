"""`extracts forum ...`: what the two bodies' chief data officers read together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from extracts.cli.options import Json, workplace
from extracts.cli.output import out, show_json
from extracts.cli.page_files import Output, put_page

app = typer.Typer(no_args_is_help=True, help="What the two bodies' chief data officers read together.")


@app.callback()
def _forum() -> None:
    """What the two bodies' chief data officers read together."""


@app.command()
def pack(
    month: Annotated[str, typer.Option(help="The month, such as 2026-11; default: the last one that is over.")] = "",
    since: Annotated[
        str, typer.Option(help="The day of the last meeting; default: what happened is told of the month itself.")
    ] = "",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """The forum's pack for a month, as one page to print or to send. Nothing in it is loaded from elsewhere."""
    from extracts.standalone.forum_page import forum_page
    from extracts.steps.forum_pack import pack_of

    found = pack_of(workplace(), month, since)
    put_page(forum_page(found), output, as_json)
    if as_json:
        show_json(asdict(found))
    elif output:
        out.print(f"The pack for {found.month} is in {output}.", markup=False)
