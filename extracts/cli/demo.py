"""`extracts demo`, `cluster`, `up` and `down`: everything on this machine, with made-up people and data."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.demo_summary import show_summary, summary_document
from extracts.cli.options import Json
from extracts.cli.output import answer, err, out, show_table
from extracts.errors import TechnicalFailure

if TYPE_CHECKING:
    from extracts.local.demo import Delivered, World

People = Annotated[int, typer.Option(help="How many people the synthetic source has.", min=1_000, max=4_000_000)]


def demo(people: People = 100_000, as_json: Json = False) -> None:
    """A synthetic source becomes signed, encrypted deliveries. A real Airflow scheduler runs it; then all is ended."""
    from extracts.local.demo import deliver_all, running

    started = time.monotonic()
    with _ending_well(), running(_home(), people, _say(started)) as world:
        done = deliver_all(world, _say(started))
        seconds = time.monotonic() - started
        answer(summary_document(world, done, seconds), as_json, lambda: show_summary(world, done, seconds))
    _check_all_delivered(done, as_json)


def cluster(people: People = 100_000, as_json: Json = False) -> None:
    """The demo in the production shape: queue, two Celery workers. Ends well if both workers took tasks."""
    from extracts.local.demo import deliver_all, running
    from extracts.local.workers import check_all_worked, tasks_by_worker

    started = time.monotonic()
    with _ending_well(), running(_home(), people, _say(started), as_production=True) as world:
        done = deliver_all(world, _say(started))
        seconds, taken = time.monotonic() - started, tasks_by_worker(world)
        document = summary_document(world, done, seconds) | {"tasks": taken}
        answer(document, as_json, lambda: _show_cluster(world, done, seconds, taken))
        check_all_worked(taken)
    _check_all_delivered(done, as_json)


def up(
    people: People = 100_000,
    port: Annotated[int, typer.Option(help="Where the UI listens.")] = 8080,
    as_json: Json = False,
) -> None:
    """The Airflow UI with sample data and demo users, until Ctrl-C. With --json: one line once it is ready."""
    from extracts.local.demo import deliver_all, running

    started = time.monotonic()
    with _ending_well(), running(_home(), people, _say(started), port) as world:
        done = deliver_all(world, _say(started))
        passwords = world.airflow.config.passwords()
        if as_json:
            print(json.dumps({"url": world.airflow.url, "users": passwords}), flush=True)
        else:
            show_summary(world, done, time.monotonic() - started, stays=True)
            show_table(f"Open {world.airflow.url} and sign in", ("user", "password"), passwords.items())
            out.print("Ctrl-C ends everything.")
        while True:
            time.sleep(2)
            world.airflow.check()


def down(as_json: Json = False) -> None:
    """End whatever `demo` or `up` left running."""
    from extracts.local.demo import stop

    home = _home()
    stop(home)
    answer({"ended": str(home)}, as_json, lambda: None)


def _show_cluster(world: World, done: list[Delivered], seconds: float, taken: Mapping[str, int]) -> None:
    show_summary(world, done, seconds)
    out.print("\n".join(f"{name} took {count} tasks" for name, count in taken.items()), markup=False)


def _home() -> Path:
    from extracts.settings import environment

    return Path(environment()["EXTRACTS_HOME"])


def _say(started: float) -> Any:
    return lambda text: err.print(f"[{time.monotonic() - started:5.1f} s] {text}", markup=False)


class _ending_well:
    """A polite request to end, or a terminal that is closed, ends as Ctrl-C does: what was started is stopped."""

    _signals = (signal.SIGTERM, signal.SIGHUP)

    def __enter__(self) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        for one in self._signals:
            signal.signal(one, interrupt)

    def __exit__(self, *_: object) -> None:
        for one in self._signals:
            signal.signal(one, signal.SIG_DFL)


def _check_all_delivered(done: list[Delivered], as_json: bool) -> None:
    """Raises TechnicalFailure if a recipient has nothing to collect. What was delivered before counts."""
    failed = [d.request_id for d in done if d.delivery is None]
    if failed and as_json:
        raise typer.Exit(1)  # the document says which and why
    if failed:
        raise TechnicalFailure(
            f"Not delivered: {', '.join(failed)}.", advice="Start `make up` and ask `extracts why ID`."
        )
