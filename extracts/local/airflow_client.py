"""Talks to Airflow's API as one of its users: what a person would do with the mouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from extracts.errors import ExtractsError, NotFound, NotPermitted, TechnicalFailure
from extracts.local.processes import wait_until

_PAGE = 100  # the most that the API gives at once
_FINISHED = ("success", "failed")
_ASKED = 3
_CLASSES: dict[int, type[ExtractsError]] = {401: NotPermitted, 403: NotPermitted, 404: NotFound}

Json = dict[str, Any]


class AirflowClient:
    """One user's session. Values are the API's own JSON objects.

    Raises NotPermitted (401, 403), NotFound (404), TechnicalFailure (anything else, or no answer).
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        # The machine's proxy settings are not for 127.0.0.1.
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        token = self._send("POST", "/auth/token", json={"username": user, "password": password}).json()
        self._http.headers["Authorization"] = f"Bearer {token['access_token']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    # --- DAGs -------------------------------------------------------------------------------------------------------

    def dags(self) -> list[Json]:
        """Every DAG that was parsed."""
        return self._pages("dags", "dags")

    def import_errors(self) -> list[Json]:
        """DAG files that could not be read."""
        return self._pages("importErrors", "import_errors")

    def wait_for_dags(self, dag_ids: set[str], patience_s: float = 120) -> None:
        """Returns once these DAGs were parsed. Raises TechnicalFailure, naming those missing and broken files."""
        if not wait_until(lambda: dag_ids <= {dag["dag_id"] for dag in self.dags()}, patience_s, every_s=0.5):
            missing = sorted(dag_ids - {dag["dag_id"] for dag in self.dags()})
            broken = [error["filename"] for error in self.import_errors()]
            raise TechnicalFailure(
                f"Airflow did not find the DAGs {', '.join(missing)} within {patience_s:.0f} s.",
                advice=f"Files that it cannot read: {', '.join(broken) or 'none'}.",
            )

    def pause(self, dag_id: str, paused: bool = True) -> None:
        """Stops the scheduler from starting runs of a DAG, or lets it."""
        self.patch(f"dags/{quote(dag_id)}", {"is_paused": paused})

    def unpause(self, dag_id: str) -> None:
        """Lets the scheduler start runs of a DAG."""
        self.pause(dag_id, False)

    # --- runs -------------------------------------------------------------------------------------------------------

    def trigger(
        self, dag_id: str, *, conf: Json | None = None, logical_date: datetime | None = None, run_id: str | None = None
    ) -> str:
        """Starts a run by hand; its id."""
        body: Json = {"logical_date": logical_date.isoformat() if logical_date else None, "conf": conf or {}}
        if run_id:
            body["dag_run_id"] = run_id
        return str(self.post(f"dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def runs(self, dag_id: str) -> list[Json]:
        """Every run of a DAG, oldest first."""
        return self._pages(f"dags/{quote(dag_id)}/dagRuns", "dag_runs", order_by="run_after")

    def run(self, dag_id: str, run_id: str) -> Json:
        """One run: `state`, `note`, `conf`, dates."""
        return self.get(_run_path(dag_id, run_id))

    def wait_for_run(
        self, dag_id: str, run_id: str, patience_s: float = 300, check: Callable[[], None] | None = None
    ) -> Json:
        """The run once it ended, well or not. `check` is asked in between; it raises if waiting makes no sense."""
        found: Json = {}

        def ended() -> bool:
            if check:
                check()
            found.update(self.run(dag_id, run_id))
            return found["state"] in _FINISHED

        if not wait_until(ended, patience_s, every_s=0.5):
            raise TechnicalFailure(f"Run {run_id} of {dag_id} is still {found['state']} after {patience_s:.0f} s.")
        return found

    # --- tasks ------------------------------------------------------------------------------------------------------

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        """The tasks of a run: `task_id`, `state`, `try_number`, `map_index`, dates."""
        return self._pages(f"{_run_path(dag_id, run_id)}/taskInstances", "task_instances")

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task handed on. Raises NotFound."""
        return self.get(f"{_task_path(dag_id, run_id, task_id)}/xcomEntries/{quote(key)}")["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        """A task's whole log: a JSON object per line, with what was said in `event` and stack traces beside it."""
        path = f"/api/v2/{_task_path(dag_id, run_id, task_id)}/logs/{try_number}"
        return self._send("GET", path, headers={"Accept": "application/x-ndjson"}).text

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, str | None]:
        """The operator links on a task's page: name to address."""
        found = self.get(f"{_task_path(dag_id, run_id, task_id)}/links")
        links: dict[str, str | None] = found["extra_links"]
        return links

    # --- anything else: paths below /api/v2/ --------------------------------------------------------------------------

    def get(self, path: str, **parameters: Any) -> Json:
        """GET, as JSON."""
        return self._json("GET", path, params=parameters)

    def post(self, path: str, body: Json) -> Json:
        """POST, as JSON."""
        return self._json("POST", path, json=body)

    def patch(self, path: str, body: Json) -> Json:
        """PATCH, as JSON."""
        return self._json("PATCH", path, json=body)

    def _json(self, method: str, path: str, **options: Any) -> Json:
        answer: Json = self._send(method, f"/api/v2/{path}", **options).json()
        return answer

    def _pages(self, path: str, field: str, **parameters: Any) -> list[Json]:
        found: list[Json] = []
        while True:
            page = self.get(path, limit=_PAGE, offset=len(found), **parameters)
            found += page[field]
            if len(page[field]) < _PAGE:
                return found

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._answer(method, path, options, tries=_ASKED if method == "GET" else 1)
        if answer.is_error:
            # The answer's text may quote what was sent.
            kind = _CLASSES.get(answer.status_code, TechnicalFailure)
            raise kind(f"Airflow answers {method} {path} with {answer.status_code}.")
        return answer

    def _answer(self, method: str, path: str, options: dict[str, Any], tries: int) -> httpx.Response:
        """Asks again where nothing came in time: a busy Airflow is no broken one, and reading changes nothing."""
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            if tries > 1 and isinstance(error, httpx.TimeoutException):
                return self._answer(method, path, options, tries - 1)
            raise TechnicalFailure(f"Airflow does not answer {method} {path} ({type(error).__name__}).") from None


def _run_path(dag_id: str, run_id: str) -> str:
    return f"dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _task_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}"
