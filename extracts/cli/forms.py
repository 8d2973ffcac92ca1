"""`extracts request form` and `extracts catalogue page`: pages for people who have no account here, or no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extracts.cli.options import Json, workplace
from extracts.cli.output import out, show_json
from extracts.cli.page_files import Output, put_page

catalogue_app = typer.Typer(no_args_is_help=True, help="What anybody may know of what can be asked for.")
Begun = Annotated[
    Path | None,
    typer.Option("--from", help="A request file to go on with, for example one that was returned.", metavar="FILE"),
]


def form(output: Output = None, begun: Begun = None, as_json: Json = False) -> None:
    """The request form as one page that works offline. It holds the catalogue, checks, and saves YAML."""
    from extracts.catalogue.offered import offered
    from extracts.documents import read
    from extracts.standalone.request_form import form_facts, request_form_page

    work, value = workplace(), read(begun).value if begun else None
    found, today = offered(work.datasets, work.parties, work.today()), work.today()
    put_page(request_form_page(found, work.parties, today, value), output, as_json)
    if as_json:
        show_json(form_facts(found, work.parties, value))
    elif output:
        out.print(f"The form is in {output}. Whoever gets it opens it in a browser.", markup=False)


@catalogue_app.callback()
def _catalogue() -> None:
    """What anybody may know of what can be asked for."""


@catalogue_app.command()
def page(output: Output = None, as_json: Json = False) -> None:
    """The catalogue as one page. What is held, in which treatments, how fresh, whose, and what for."""
    from dataclasses import asdict

    from extracts.catalogue.offered import offered
    from extracts.standalone.catalogue_page import catalogue_page

    work = workplace()
    found = offered(work.datasets, work.parties, work.today())
    put_page(catalogue_page(found, work.today()), output, as_json)
    if as_json:
        show_json([asdict(one) for one in found])
    elif output:
        out.print(f"The catalogue is in {output}.", markup=False)
