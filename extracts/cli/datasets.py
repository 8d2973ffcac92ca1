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


@app.command("new")
def new_dataset(
    url: Annotated[
        str,
        typer.Argument(
            help="SQLAlchemy URL of the database, such as postgresql://me@dev.example/warehouse; or file:///folder."
        ),
    ],
    table: Annotated[
        str,
        typer.Argument(
            help="The table or view to begin with: schema.name; a folder of Parquet files in file:///folder."
        ),
    ],
    system: Annotated[str, typer.Option(help="The source system's name in contracts.")],
    name: Annotated[str, typer.Option(help="The dataset's name; default: the table's.")] = "",
    as_json: Json = False,
) -> None:
    """Draft view, contract and suite of a new dataset.

    They are made of the table's description; no row is read. What only a person knows is written as TO DO;
    `extracts dataset list` then says line by line what is left.
    """
    from extracts.steps.dataset_drafting import draft_dataset

    files = [str(path) for path in draft_dataset(workplace(), url, table, system, name)]
    said = [*(f"{path}" for path in files), "Drafted. What is left to do: extracts dataset list"]
    answer({"files": files}, as_json, lambda: out.print("\n".join(said), markup=False, soft_wrap=True))


@app.command()
def lock(
    address: Annotated[
        str,
        typer.Option(help="libpq keywords, or a MariaDB's URL, of whoever may make views where the base tables are."),
    ],
    system: Annotated[str, typer.Option(help="With a URL: the source system whose views are locked.")] = "",
    as_json: Json = False,
) -> None:
    """Lock every curated view to its contract's version. What changed under one version is refused."""
    from extracts.steps.dataset_lock import lock_datasets

    found = lock_datasets(workplace(), address, system)
    said = [f"{name} {version} is locked to its view as it is now." for name, version in found.items()]
    answer({"locked": found}, as_json, lambda: out.print("\n".join(said) or "Every lock is as it should be."))
