"""`extracts dataset ...`: what exists, and the lock between a contract's version and its curated view."""

from __future__ import annotations

from typing import Annotated

import typer

from extracts.cli.options import Json, workplace
from extracts.cli.output import answer, out, show_table

app = typer.Typer(no_args_is_help=True, help="What a request may draw from.")


@app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """Every declared dataset, with its owner and its columns."""
    found = [
        {"name": d.name, "version": d.version, "owner": d.owner, "columns": [c.name for c in d.columns]}
        for d in workplace().datasets.values()
    ]
    rows = [(d["name"], d["version"], d["owner"], len(d["columns"])) for d in found]
    answer(found, as_json, lambda: show_table("Datasets", ("name", "version", "owner", "columns"), rows))


@app.command()
def lock(
    address: Annotated[
        str, typer.Option(help="libpq keywords of a role that may make views where the base tables are.")
    ],
    as_json: Json = False,
) -> None:
    """Lock every curated view to its contract's version. What changed under one version is refused."""
    from extracts.steps.dataset_lock import lock_datasets

    found = lock_datasets(workplace(), address)
    said = [f"{name} {version} is locked to its view as it is now." for name, version in found.items()]
    answer({"locked": found}, as_json, lambda: out.print("\n".join(said) or "Every lock is as it should be."))
