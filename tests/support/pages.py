"""Somebody signed in to Airflow who opens our pages and sends their forms, as a browser would; without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi.testclient import TestClient
from httpx import Response

from extracts.web.airflow_state import AirflowState, airflow_state
from extracts.web.app import make_app
from tests.support.command_line import environment_of
from tests.support.world import World

FROM_OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


def an_airflow_user(name: str) -> SimpleNamespace:
    """What Airflow hands to a plugin for whoever is signed in."""
    return SimpleNamespace(name=name, get_id=lambda: name, get_name=lambda: name)


def at(world: World, monkeypatch: pytest.MonkeyPatch, *, sees: bool = True) -> None:
    """Pages find this world; Airflow lets everybody see every DAG, or nobody any."""
    for name, value in environment_of(world).items():
        monkeypatch.setenv(name, value)
    manager = SimpleNamespace(is_authorized_dag=lambda **_: sees)
    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_auth_manager", lambda: manager)
    monkeypatch.setattr("extracts.web.access.get_auth_manager", lambda: manager)
    monkeypatch.setattr("airflow.models.dag.DagModel.get_team_name", lambda *_: None)


class Tab:
    """One person's browser tab. `get` and `send` take addresses below /extracts; redirects are not followed."""

    def __init__(self, user: str) -> None:
        app = make_app()
        if user:
            app.dependency_overrides[get_user] = lambda: an_airflow_user(user)
        app.dependency_overrides[airflow_state] = lambda: AirflowState(True, None, {})
        self.overrides = app.dependency_overrides
        self._client = TestClient(app, follow_redirects=False)

    def get(self, path: str) -> Response:
        """A page."""
        return self._client.get(path)

    def text(self, path: str) -> str:
        """A page as one line of text, without its markup."""
        return words(self.get(path).text)

    def token(self, path: str) -> str:
        """The token that the forms of a page hold; empty if it has none."""
        found = re.search(r'name="form" value="([^"]+)"', self.get(path).text)
        return html.unescape(found[1]) if found else ""

    def send(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        page: str = "",
        headers: Mapping[str, str] = FROM_OUR_PAGE,
        files: Any = None,
    ) -> Response:
        """What a form of `page` sends to `path`; without a page, it has no token."""
        token = {"form": self.token(page)} if page else {}
        return self._client.post(path, data={**token, **(fields or {})}, headers=dict(headers), files=files)


def words(text: str) -> str:
    """A page as one line of text, without its markup."""
    bare = re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]+>", " ", text, flags=re.S)
    return " ".join(html.unescape(bare).split())
