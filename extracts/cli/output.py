"""How the command line speaks: tables for people, `--json` for programs, and one boundary for errors.

Exit codes: 0 done, 1 refused or failed check, 2 usage (unreadable input, unknown id, missing setting).
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from extracts.canonical import plain
from extracts.errors import ExtractsError, InvalidDocument, TechnicalFailure, UsageError

_SHORT = 17
_GAP = 2
_MISUSE = cast(
    "type[Exception]", typer.BadParameter.__bases__[0]
)  # `UsageError` of click or of typer, as typer's version has it
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people; an empty one says so. Long cells go on below, and nothing is cut off.

    The first column names the row: it stays in one piece, to be copied, and so do short cells. Where the terminal is
    too narrow even so, each row becomes a list of facts.
    """
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max((len(row[n]) for row in cells), default=0) for n in range(len(columns))]
    if not cells:
        out.print(f"[bold]{escape(title)}[/bold]: none")
    elif _narrowest(columns, widths) > out.width:
        for row in cells:
            show_facts(f"{title}: {row[0]}" if title else row[0], dict(zip(columns[1:], row[1:], strict=True)), out)
    else:
        out.print(_table(title, columns, widths, cells))


def _narrowest(columns: Sequence[str], widths: Sequence[int]) -> int:
    """The width below which cells would be broken inside their words."""
    least = [widths[0], *(min(width, _SHORT) for width in widths[1:])]
    return sum(max(len(name), width) + _GAP for name, width in zip(columns, least, strict=True))


def _table(title: str, columns: Sequence[str], widths: Sequence[int], cells: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=SIMPLE)
    table.padding = (0, _GAP - 1, 0, 0)
    for number, name in enumerate(columns):
        is_number = all(row[number].replace(",", "").isdigit() for row in cells)
        table.add_column(
            name,
            no_wrap=number == 0 or widths[number] <= _SHORT,
            overflow="fold",
            justify="right" if is_number else "left",
        )
    for row in cells:
        table.add_row(*map(escape, row))
    return table


def show_facts(title: str, facts: Mapping[str, object], console: Console = out) -> None:
    """Names and values, aligned; lists one entry a line. On a terminal, long values go on below themselves."""
    console.print(f"[bold]{escape(title)}[/bold]")
    width = max((len(name) for name in facts), default=0)
    room = console.width - width - 4 if console.is_terminal else 0
    for name, value in facts.items():
        entries = [str(v) for v in value] if isinstance(value, list | tuple) else ["" if value is None else str(value)]
        lines = [line for entry in entries for line in _folded(entry, room)]
        for i, line in enumerate(lines or [""]):
            console.print(f"  {escape((name if i == 0 else '').ljust(width))}  {escape(line)}")


def _folded(text: str, room: int) -> list[str]:
    """Lines of at most `room` characters, broken between words only: an id or path stays whole. Below 20: one line."""
    if room < 20:
        return [text]
    return textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) or [""]


def answer(value: Any, as_json: bool, people: Callable[[], None]) -> None:
    """The same answer for a program or for people."""
    if as_json:
        show_json(value)
    else:
        people()


def run_guarded(command: Callable[..., object]) -> int:
    """Run the command line; every error becomes a clear message and its exit code, without a traceback."""
    try:
        code = command(prog_name="extracts", standalone_mode=False)
    except ExtractsError as error:
        return report(error)
    except _MISUSE as error:
        return _misused(error)
    except KeyboardInterrupt:
        err.print("Stopped.")
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        return report(_fault(error))
    return code if isinstance(code, int) else 0


def _misused(error: Any) -> int:
    """An unknown command, option or value: the usage, what is wrong and where help is, on standard error."""
    error.show()
    if _json_is_wanted():
        name = error.ctx.command_path if error.ctx else "extracts"
        told = UsageError(error.format_message(), advice=f"Try `{name} --help`.")
        show_json(_document(told))
    return int(error.exit_code)


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
    if _json_is_wanted():
        show_json(_document(error))
    if isinstance(error, InvalidDocument):
        err.print(f"[bold red]{escape(error.source)}[/bold red]")
        for problem in error.problems:
            err.print(f"  {escape(str(problem))}")
    else:
        err.print(f"[bold red]{type(error).__name__}[/bold red]: {escape(error.message)}")
    if error.advice:
        err.print(f"  {escape(error.advice)}")
    return error.exit_code


def _json_is_wanted() -> bool:
    return "--json" in sys.argv


def _document(error: ExtractsError) -> dict[str, Any]:
    told: dict[str, Any] = {"error": type(error).__name__, "message": error.message, "advice": error.advice}
    if isinstance(error, InvalidDocument):
        told |= {"source": error.source, "problems": [asdict(problem) for problem in error.problems]}
    return told
