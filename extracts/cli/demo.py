"""`extracts demo`, `up` and `down`: everything on this machine, with made-up people and data."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.output import err, out, show_table
from extracts.errors import Outcome, TechnicalFailure

if TYPE_CHECKING:
    from extracts.local.demo import Delivered, World

People = Annotated[int, typer.Option(help="How many people the synthetic source has.", min=1_000, max=4_000_000)]


def demo(people: People = 100_000) -> None:
    """A synthetic source becomes signed, encrypted deliveries, run by a real Airflow scheduler; then all is ended."""
    from extracts.local.demo import deliver_all, running

    started = time.monotonic()
    with _ending_well(), running(_home(), people, _say(started)) as world:
        done = deliver_all(world, _say(started))
        _summary(world, done, time.monotonic() - started)
    failed = [d.request_id for d in done if d.outcome["outcome"] != Outcome.DELIVERED]
    if failed:
        raise TechnicalFailure(
            f"Not delivered: {', '.join(failed)}.", advice="Start `make up` and ask `extracts why ID`."
        )


def up(people: People = 100_000, port: Annotated[int, typer.Option(help="Where the UI listens.")] = 8080) -> None:
    """The Airflow UI with sample data and demo users, until Ctrl-C."""
    from extracts.local.demo import deliver_all, running

    started = time.monotonic()
    with _ending_well(), running(_home(), people, _say(started), port) as world:
        _summary(world, deliver_all(world, _say(started)), time.monotonic() - started)
        passwords = world.airflow.config.passwords()
        show_table(f"\nOpen {world.airflow.url}", ("user", "password"), passwords.items())
        out.print("\nCtrl-C ends everything.")
        while True:
            time.sleep(2)
            world.airflow.check()


def down() -> None:
    """End whatever `demo` or `up` left running."""
    from extracts.local.demo import stop

    stop(_home())


def _home() -> Path:
    from extracts.settings import environment

    return Path(environment()["EXTRACTS_HOME"])


def _say(started: float) -> Any:
    return lambda text: err.print(f"[{time.monotonic() - started:5.1f} s] {text}", markup=False)


class _ending_well:
    """A polite request to end (SIGTERM) ends as Ctrl-C does: what was started is stopped."""

    def __enter__(self) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _summary(world: World, done: list[Delivered], seconds: float) -> None:
    out.print(
        f"\n[bold]From {sum(world.source_rows.values()):,} rows of synthetic source data, in {seconds:.0f} s[/bold]\n"
    )
    by_id = {d.request_id: d for d in done}
    show_table(
        "Who asked, and what was decided",
        ("request", "asked by", "for", "decided"),
        [_asked(d) for d in world.decided],
    )
    out.print()
    show_table(
        "What left, and why the rest did not",
        ("dataset", "source", "filtered", "on hold", "withheld", "delivered"),
        [row for d in done for row in _funnels(d)],
    )
    out.print()
    show_table("What the recipient collected", ("delivery", "bytes", "verified"), [_verified(d) for d in done])
    refused = [d.examined.request.request_id for d in world.decided if d.examined.request.request_id not in by_id]
    _next(world, done, refused)


def _asked(decided: Any) -> tuple[str, ...]:
    request = decided.examined.request
    return request.request_id, request.requester.organisation, request.title, decided.outcome


def _funnels(delivered: Delivered) -> list[tuple[str, ...]]:
    names = ("source", "filtered", "held", "withheld", "delivered")
    return [(dataset, *(f"{funnel[n]:,}" for n in names)) for dataset, funnel in delivered.funnel.items()]


def _verified(delivered: Delivered) -> tuple[str, str, str]:
    outcome = delivered.outcome
    if delivered.folder is None:
        return delivered.request_id, "", f"{outcome['outcome']}: {outcome.get('reason', '')}"
    size = sum(path.stat().st_size for path in delivered.folder.iterdir())
    return outcome["delivery"], f"{size:,}", f"yes, {len(delivered.verified) - 1} things checked"


def _next(world: World, done: list[Delivered], refused: list[str]) -> None:
    folder = next((d.folder for d in done if d.folder), None)
    home = world.work.places.home
    out.print("\n[bold]Look at[/bold]")
    if folder:
        out.print(f"  {folder}/README.txt", markup=False)
        out.print(f"  extracts verify {folder} --signers {home}/trust/allowed_signers", markup=False)
    for request_id in refused:
        out.print(f"  {request_id} was refused: `extracts request check` on it says why", markup=False)
    out.print(f"  quality reports: {home}/runs/*/*/report.html", markup=False)
    out.print("  make up: the same in the Airflow UI", markup=False)
