"""What the demo says at its end, on one screen: who asked, what was decided, what left, where it lies, what to try.

Every command that it prints works as printed: the first ones by themselves, the last ones while `make up` runs.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.cli.output import out, show_table
from extracts.errors import Outcome

if TYPE_CHECKING:
    from extracts.local.demo import Delivered, World

_FUNNEL = ("source", "filtered", "held", "withheld", "delivered")


def show_summary(world: World, done: list[Delivered], seconds: float, *, stays: bool = False) -> None:
    """Print it. stays: the servers go on running, as with `up`."""
    rows = sum(world.source_rows.values())
    out.print(f"\n[bold]From {rows:,} rows of synthetic source data, in {seconds:.0f} s[/bold]\n")
    asked = [d.examined.request for d in world.decided]
    show_table(
        "Who asked, and what was decided",
        ("request", "asked by", "for", "decided"),
        [
            (r.request_id, r.requester.organisation, r.title, d.status)
            for r, d in zip(asked, world.decided, strict=True)
        ],
    )
    show_table(
        "Rows that left, and why the others did not",
        ("dataset", "source", "filtered", "on hold", "withheld", "delivered"),
        [row for d in done for row in _left(d)],
    )
    for d in done:
        out.print(_told(d), markup=False)
    out.print("\n".join(_next(world, done, stays)), markup=False)


def summary_document(world: World, done: list[Delivered], seconds: float) -> dict[str, Any]:
    """The summary for programs: who asked, what was decided, what left and why the rest did not."""
    asked = [(d.examined.request, d) for d in world.decided]
    return {
        "seconds": round(seconds),
        "source_rows": world.source_rows,
        "requests": [
            {"request": r.request_id, "asked_by": r.requester.organisation, "for": r.title, "decided": d.status}
            for r, d in asked
        ],
        "deliveries": [
            {
                "request": d.request_id,
                "outcome": d.outcome["outcome"],
                "reason": d.outcome.get("reason", ""),
                "delivery": d.delivery.delivery_id if d.delivery else "",
                "rows": d.funnel,
                "folder": str(d.folder or ""),
                "verified": list(d.verified),
            }
            for d in done
        ],
    }


def _left(found: Delivered) -> Iterator[tuple[str, ...]]:
    for file in found.delivery.files if found.delivery else ():
        funnel = found.funnel.get(file.dataset, {})
        yield file.dataset, *(f"{funnel[name]:,}" if name in funnel else "" for name in _FUNNEL)


def _told(found: Delivered) -> str:
    """What its recipient collected, or why there is nothing."""
    if found.delivery is None:
        return f"{found.request_id}: {found.outcome['outcome']}, {found.outcome.get('reason', '')}"
    before = " (delivered before)" if found.outcome["outcome"] == Outcome.NOTHING_DUE else ""
    checks = len(found.verified) - 1
    return f"{found.delivery.delivery_id}{before}: {found.delivery.bytes:,} bytes, verified: {checks} checks passed"


def _next(world: World, done: list[Delivered], stays: bool) -> Iterator[str]:
    home = world.home.home
    command = _command(home)
    yield f"Everything lies in {_near(home)}: dropzone/ is what recipients see, runs/ has a quality report of each run."
    yield "Try:"
    for folder in [d.folder for d in done if d.folder][:1]:
        signers = _near(world.home.people.allowed_signers)
        yield f"  {command} verify {_near(folder.parent)} --signers {signers}"
    for refused in [d for d in world.decided if d.examined.plan is None][:1]:
        yield f"  {command} request check {_near(refused.file)}  # why it was refused: exit code 1"
    yield "And from another terminal:" if stays else "And, from another terminal while `make up` runs:"
    for found in done[:1]:
        yield f"  {command} why {found.request_id}"
    yield f"  {command} ledger verify --anchors {_near(world.work.places.drop_zone_folder)}"


def _command(home: Path) -> str:
    """How to call this program from here, so that it finds this home."""
    program = Path(sys.executable).with_name("extracts")
    known = home == Path(".extracts").absolute()
    return ("" if known else f"EXTRACTS_HOME={_near(home)} ") + _near(program)


def _near(path: Path) -> str:
    """A path as it is typed here, quoted if need be."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
