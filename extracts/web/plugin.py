"""What this package adds to Airflow, found through the entry point `airflow.plugins` of the installed package.

Every Airflow process loads this, workers before every task too, so that whatever is heavy is a property: imported by
the one process that asks for it.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from extracts.scheduling.links import PREFIX, page
from extracts.scheduling.run_notes import RunNotes
from extracts.scheduling.warm import WarmStart


class ExtractsPlugin(AirflowPlugin):
    """Schedules, deadlines, notes of runs, and pages."""

    name = "governed-extracts"
    listeners = [RunNotes(), WarmStart()]

    @property
    def timetables(self) -> list[Any]:
        """For the processes that read schedules back from the database."""
        from extracts.scheduling.timetable import AgreementTimetable

        return [AgreementTimetable]

    @property
    def deadline_references(self) -> list[Any]:
        """For the processes that read deadlines back from the database."""
        from extracts.scheduling.target import WorkingDayTarget

        return [WorkingDayTarget]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """For the API server."""
        from extracts.web.app import make_app

        return [{"app": make_app(), "url_prefix": PREFIX, "name": "Governed extracts"}]

    @property
    def external_views(self) -> list[dict[str, Any]]:
        """An entry in Airflow's navigation, and tabs on the pages of a DAG and of a run."""
        return _VIEWS


_VIEWS: list[dict[str, Any]] = [
    {
        "name": "Sharing",  # Airflow cuts off longer names
        "href": page("home"),
        "destination": "nav",
        "url_route": "data-sharing",
        "nav_top_level": True,
    },
    {
        "name": "Agreement",
        "href": page("agreement") + "/{DAG_ID}",
        "destination": "dag",
        "url_route": "agreement",
    },
    {
        "name": "Release sheet",
        "href": page("outcome") + "/{DAG_ID}/{RUN_ID}",
        "destination": "dag_run",
        "url_route": "outcome",
    },
]
