"""People at their browsers, in a real Airflow: each in a window of their own, signed in, doing what pages let them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, FrameLocator, Page, expect

from extracts.local.airflow import LocalAirflow
from tests.support.browser import PATIENCE_S, a_page

_TRIES, _STORED_MS = 3, 45_000
COOKIE = "_token"  # by which Airflow knows a browser


@dataclass(frozen=True)
class Person:
    """Somebody signed in to Airflow."""

    page: Page
    url: str

    def sharing(self) -> FrameLocator:
        """What *Sharing* in Airflow's navigation leads to, once it is there."""
        self.page.goto(f"{self.url}/plugin/data-sharing")
        return self.frame()

    def frame(self) -> FrameLocator:
        """Our page within Airflow's."""
        found = self.page.frame_locator("iframe")
        found.get_by_role("heading", level=1).first.wait_for()
        return found

    def request(self, request_id: str) -> FrameLocator:
        """The page of a request, opened from the list."""
        found = self.sharing()
        found.get_by_role("link", name=request_id, exact=True).click()
        found.get_by_role("heading", name="Columns: asked and granted").wait_for()
        return found

    def review(self, run_id: str, task: str, outcome: str = "supports", **fields: str) -> None:
        """Answer a review by the form that Airflow shows for a task; again if Airflow's page loses what was typed."""
        page = self.page
        for _ in range(_TRIES):
            page.goto(f"{self.url}/dags/consider_request/runs/{run_id}/tasks/{task}/required_actions")
            button = page.get_by_test_id(f"hitl-option-{outcome}")
            for name, text in fields.items():
                page.locator(f"#element_{name}").fill(text)
            button.click()
            with suppress(AssertionError):
                expect(button).to_be_disabled(timeout=_STORED_MS)  # once Airflow has stored it
                return self.rest()
        raise AssertionError(f"{task} of {run_id} was not stored: {page.inner_text('body')[-2000:]}")

    def rest(self) -> None:
        """Leave Airflow's pages, which ask for news all the time, until one is opened again."""
        self.page.goto("about:blank")

    def saved(self, button: str, within: FrameLocator) -> bytes:
        """What a link that saves a file gives."""
        with self.page.expect_download() as waiting:
            within.get_by_role("link", name=button).first.click()
        return Path(waiting.value.path()).read_bytes()


def signed_in(browser: Browser, airflow: LocalAirflow, name: str) -> Person:
    """A person's own window, with the token that Airflow gives for their password; its own form is not tried here."""
    page = a_page(browser, viewport={"width": 1440, "height": 1000})
    password = airflow.config.passwords()[name]
    answer = httpx.post(
        f"{airflow.url}/auth/token",
        json={"username": name, "password": password},
        timeout=PATIENCE_S,
        trust_env=False,
    )
    token = answer.raise_for_status().json()["access_token"]
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": airflow.url}])
    return Person(page, airflow.url)
