"""How long the pages over all agreements take, with a register that is grown in between: medians in milliseconds.

python -m benchmarks.pages                5,000 requests, 1,000 agreements, 100,000 deliveries; before that a tenth
python -m benchmarks.pages --runs 5

Each page is answered whole (statements, judging, HTML) by the app that Airflow mounts, without Airflow's own share:
who the visitor is, and the state of its scheduler.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from extracts.local.home import REGISTER, DemoHome

SIZES = ((500, 100, 100), (5_000, 1_000, 100))  # requests, agreements among them, deliveries of each
LIMIT_MS = 300
AGREEMENT, REFUSAL = "SDDSB-2026-021", "SDDSB-2026-033"
PAGES = (
    "/register",
    "/register?page=60",
    "/register?recipient=fife-council&status=agreement+in+force",
    "/register?words=cap+benefit&dataset=benefit_cap",
    "/register?gateway=welfare-reform-act-2012-s131&page=3",
    "/register?clock=overdue",
    "/register?clock=overdue&recipient=fife-council&page=5",
    "/watch",
    "/public",
    "/public?page=1500",
    "/public?recipient=fife-council",
    f"/request/{AGREEMENT}",
    f"/request/{REFUSAL}",
    "/request/B-000050",
    "/request/OPEN",
    "/agreement/extract__B-000050",
)


@dataclass(frozen=True)
class Times:
    """In milliseconds. The fastest tells what a page costs where others use the machine too."""

    median: float
    fastest: float

    def __str__(self) -> str:
        return f"{self.median:.0f} ms ({self.fastest:.0f})"


def main() -> None:
    """Grow, measure, print a table; exit code 1 if a median is over the limit at the larger size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    found: dict[str, list[Times]] = {path: [] for path in PAGES}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder, _world(Path(folder)) as home:
            _grow(home, *size)
            client = _client(home)
            for path in PAGES:
                found[path].append(_times(client, path.replace("OPEN", f"B-{size[0] - 99:06}"), runs))
    sys.stdout.write(_table(found))
    sys.exit(any(times[-1].median > LIMIT_MS for times in found.values()))


@contextmanager
def _world(folder: Path) -> Iterator[DemoHome]:
    from datetime import UTC, datetime

    from extracts.local.world import decide_all
    from extracts.settings import PROJECT, open_workplace

    home = DemoHome.at(folder / "home")
    home.postgres.start()
    try:
        home.make_databases(PROJECT / "sql", datetime.now(UTC))
        home.write_settings(home.people.make())
        work = open_workplace({"EXTRACTS_HOME": str(home.home)})
        decide_all(work, home, PROJECT / "examples" / "requests", lambda _: None)
        yield home
    finally:
        home.postgres.stop()


def _grow(home: DemoHome, requests: int, agreements: int, months: int) -> None:
    script = (Path(__file__).parent / "big_register.sql").read_text()
    size = {"requests": requests, "agreements": agreements, "months": months}
    chosen = {**size, "agreement": AGREEMENT, "refusal": REFUSAL}
    begun = time.perf_counter()
    with home.postgres.superuser(REGISTER) as connection:
        import psycopg

        psycopg.ClientCursor(connection).execute(script.encode(), chosen)
        connection.execute(b"VACUUM ANALYZE")
    published = home.home / "published" / f"{AGREEMENT}.json"
    clone = published.with_name("B-000050.json")
    clone.write_text(published.read_text().replace(AGREEMENT, "B-000050"))
    sys.stderr.write(
        f"{requests:,} requests, {agreements * months:,} deliveries in {time.perf_counter() - begun:.0f} s\n"
    )


def _client(home: DemoHome) -> Any:
    os.environ["EXTRACTS_HOME"] = str(home.home)
    os.environ.setdefault("AIRFLOW_HOME", str(home.home / "no-airflow"))
    from airflow.api_fastapi.common.db.common import _get_session
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient

    from extracts.web.access import may_read, may_read_everything
    from extracts.web.airflow_state import AirflowState, airflow_state
    from extracts.web.app import make_app

    app = make_app()
    known = {
        get_user: SimpleNamespace(name="forum", get_id=lambda: "forum"),  # sees briefings and answers, too
        may_read: None,
        may_read_everything: None,
        airflow_state: AirflowState(True, None, {}),
        _get_session: SimpleNamespace(scalars=lambda _: ()),
    }
    for dependency, value in known.items():
        app.dependency_overrides[dependency] = lambda value=value: value
    return TestClient(app)


def _times(client: Any, path: str, runs: int) -> Times:
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        answer = client.get(path)
        times.append(1_000 * (time.perf_counter() - begun))
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-300:])
    del times[0]  # it opens connections and reads templates
    return Times(statistics.median(times), min(times))


def _table(found: dict[str, list[Times]]) -> str:
    sizes = [f"{r:,} requests, {a:,} agreements, {a * m:,} deliveries" for r, a, m in SIZES]
    lines = [f"| page | {' | '.join(sizes)} |", f"|---|{'---:|' * len(sizes)}"]
    lines += [f"| `{path}` | {' | '.join(map(str, times))} |" for path, times in found.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
