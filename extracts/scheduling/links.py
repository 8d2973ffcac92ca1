"""Buttons on a task's page that lead to what people want to read: the explained plan, the quality report, the manifest.

The address is made when the task ends and kept with the run, so old runs lead to their own report.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

PREFIX = "/extracts"


def page(*parts: str) -> str:
    """The address of one of our pages on Airflow's own server, wherever its paths begin."""
    return _address(PREFIX, *parts)


def dag_page(dag_id: str) -> str:
    """The address of a DAG's own page."""
    return _address("/dags", dag_id)


def _address(place: str, *parts: str) -> str:
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return base + place + "".join(f"/{quote(part, safe='')}" for part in parts)


class _PageLink(BaseOperatorLink):
    """A link to one page about an agreement or about one of its runs."""

    label: ClassVar[str]
    room: ClassVar[str]
    of_run: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The button's text."""
        return self.label

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page's address for this task's run."""
        return page(self.room, operator.request_id, *([ti_key.run_id] if self.of_run else []))


class PlanLink(_PageLink):
    """To the plan in plain English."""

    label, room, of_run = "Explained plan", "plan", False


class ReportLink(_PageLink):
    """To the run's quality report."""

    label, room = "Quality report", "report"


class ManifestLink(_PageLink):
    """To the manifest of what the run delivered."""

    label, room = "Manifest", "manifest"
