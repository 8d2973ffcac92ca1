"""Starts the DAG `consider_request` for a version of a request, over Airflow's API, where settings name an Airflow; and
lets it ask for one review again.

Rules:
1. One run for a version: its id is `<request id>.v<version>`, so asking twice starts one. A review that is asked for
   again is cleared in it, with all that comes after.
2. The password lies in a file that nobody else can read, and stands in no message.
3. A request is submitted whether or not Airflow hears of it: starting can be tried again at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from extracts.errors import NotFound, SettingMissing
from extracts.local.airflow_client import AirflowClient

URL, LOGIN = "EXTRACTS_AIRFLOW_URL", "EXTRACTS_AIRFLOW_LOGIN"
_DAG_ID, _PAGES_DAG_ID = "consider_request", "sign_feasibility"


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether settings name an Airflow."""
    return bool(environment.get(URL))


def start_consideration(environment: Mapping[str, str], request_id: str, version: int) -> str:
    """The id of the run, started unless it was. Raises SettingMissing, NotPermitted, NotFound, TechnicalFailure."""
    run_id = f"{request_id}.v{version}"
    with AirflowClient(_url(environment), *_login(environment)) as client:
        try:
            client.run(_DAG_ID, run_id)
        except NotFound:
            client.trigger(_DAG_ID, conf={"request_id": request_id, "version": version}, run_id=run_id)
    return run_id


def ask_again_in_airflow(environment: Mapping[str, str], request_id: str, version: int, review: str) -> str:
    """The id of the run in which a review has its form again. Raises what `start_consideration` does."""
    run_id = f"{request_id}.v{version}"
    task = f"review_{review.replace(' ', '_')}"
    cleared = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task], "only_failed": False}
    with AirflowClient(_url(environment), *_login(environment)) as client:
        try:
            client.run(_DAG_ID, run_id)
        except NotFound:
            client.trigger(_DAG_ID, conf={"request_id": request_id, "version": version}, run_id=run_id)
        else:
            client.post(f"dags/{_DAG_ID}/clearTaskInstances", cleared | {"include_downstream": True})
    return run_id


def start_page(environment: Mapping[str, str], request_id: str, document: Mapping[str, Any], at: str) -> str:
    """The id of the run that makes a signed page of whether this request can be had. `at` tells one from the next."""
    run_id = f"{request_id}.{at}"
    with AirflowClient(_url(environment), *_login(environment)) as client:
        client.trigger(_PAGES_DAG_ID, conf={"request": dict(document)}, run_id=run_id)
    return run_id


def _url(environment: Mapping[str, str]) -> str:
    if not is_configured(environment):
        raise SettingMissing(f"{URL} is not set: no Airflow can be told.", advice="Set it, or start the DAG by hand.")
    return environment[URL].rstrip("/")


def _login(environment: Mapping[str, str]) -> tuple[str, str]:
    path = Path(environment.get(LOGIN) or "")
    try:
        exposed, text = path.stat().st_mode & 0o077, path.read_text()
    except OSError:
        raise SettingMissing(f"{LOGIN} names no file that can be read.") from None
    name, _, password = text.strip().partition(":")
    if exposed or not name or not password:
        raise SettingMissing(f"{LOGIN} must be a file of mode 0600 with one line, user:password.")
    return name, password
