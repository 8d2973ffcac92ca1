"""How the command line speaks: tables for people, `--json` for programs, and one boundary for errors.

Exit codes: 0 done, 1 refused or failed check, 2 usage (unreadable input, unknown id, missing setting).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from extracts.canonical import plain
from extracts.errors import ExtractsError, InvalidDocument, TechnicalFailure

_SHORT = 26
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people; an empty one says so. Short cells are never broken; long ones wrap between words."""
    cells = [[escape("" if cell is None else str(cell)) for cell in row] for row in rows]
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="bold", box=SIMPLE, pad_edge=False
    )
    for number, column in enumerate(columns):
        widest = max((len(row[number]) for row in cells), default=0)
        is_number = all(row[number].replace(",", "").isdigit() for row in cells)
        table.add_column(column, no_wrap=widest <= _SHORT, justify="right" if is_number and cells else "left")
    for row in cells:
        table.add_row(*row)
    out.print(table if cells else f"[bold]{escape(title)}[/bold]: none")


def show_facts(title: str, facts: Mapping[str, object], console: Console = out) -> None:
    """Names and values, aligned; lists one entry a line."""
    console.print(f"[bold]{escape(title)}[/bold]")
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        lines = [str(v) for v in value] if isinstance(value, list | tuple) else [("" if value is None else str(value))]
        for i, line in enumerate(lines or [""]):
            console.print(f"  {escape((name if i == 0 else '').ljust(width))}  {escape(line)}")


def answer(value: Any, as_json: bool, people: Callable[[], None]) -> None:
    """The same answer for a program or for people."""
    if as_json:
        show_json(value)
    else:
        people()


def run_guarded(command: Callable[[], object]) -> int:
    """Run a command; every error of ours becomes a clear message and its exit code, without a traceback."""
    try:
        command()
    except ExtractsError as error:
        return report(error)
    except KeyboardInterrupt:
        err.print("Stopped.")
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        return report(_fault(error))
    return 0


def _fault(error: Exception) -> TechnicalFailure:
    """What nobody foresaw: told by its kind and place, for its message or traceback may hold a person's value."""
    place, trace = "", error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if "extracts" in file.parts and "site-packages" not in file.parts:
            place = f" at {file.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return TechnicalFailure(
        f"The command failed ({type(error).__name__}{place}).",
        advice="This is a fault in the program; its message is withheld, for it may hold a person's value.",
    )


def report(error: ExtractsError) -> int:
    """Print an error to standard error, and on standard output too if JSON was asked for; its exit code."""
    if "--json" in sys.argv:
        show_json({"error": type(error).__name__, "message": error.message, "advice": error.advice})
    if isinstance(error, InvalidDocument):
        err.print(f"[bold red]{escape(error.source)}[/bold red]")
        for problem in error.problems:
            err.print(f"  {escape(str(problem))}")
    else:
        err.print(f"[bold red]{type(error).__name__}[/bold red]: {escape(error.message)}")
    if error.advice:
        err.print(f"  {escape(error.advice)}")
    return error.exit_code
