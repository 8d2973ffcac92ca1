"""`extracts production`: makes ready the folder from which `docker-compose.yml` runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from extracts.cli.options import Json
from extracts.cli.output import answer, out
from extracts.errors import Refused

app = typer.Typer(no_args_is_help=True, help="The production shape: docker-compose.yml and what it needs.")


@app.callback()
def _group() -> None:
    """The production shape: docker-compose.yml and what it needs."""


@app.command()
def prepare(
    folder: Annotated[Path, typer.Argument(help="Where docker-compose.yml is.")] = Path(),
    as_json: Json = False,
) -> None:
    """Make what docker-compose.yml needs: secrets, folders, .env.

    As the account that will own them, which containers run as. Again: only what is missing.
    """
    from extracts.production.preparation import prepare as make

    if os.geteuid() == 0:
        raise Refused(
            "Containers run as the account that owns their secrets, and that must not be root.",
            advice="Run this as the service account: `sudo -u extracts extracts production prepare FOLDER`.",
        )
    done = make(folder.absolute(), os.getuid(), os.getgid())
    said = [f"Made: {', '.join(done.made) or 'nothing was missing'}."]
    said += [f"Put there yourself, mode 0600: secrets/{name} ({meaning})." for name, meaning in done.missing.items()]
    answer({"made": done.made, "missing": done.missing}, as_json, lambda: out.print("\n".join(said), markup=False))
