"""`make screenshots`: every page at 1440 and 900 pixels, light and dark, as PNG files below `screenshots/`.

python -m tests.support.screenshots [FOLDER]

It makes a world in which something of everything happened (`tests.support.story`), starts a real Airflow, lets it run
one agreement, signs in as each of those who see different pages, and ends every process. A few minutes. Look at them
all before a change of a page goes out: nobody's eye is replaced by a test.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Browser, Page

from extracts.documents import parse
from extracts.local.airflow import LocalAirflow
from extracts.local.airflow_config import AirflowConfig, User
from extracts.local.postgres import EmbeddedPostgres
from extracts.settings import PROJECT
from tests.support.browser import PATIENCE_S, chromium_path, opened_browser
from tests.support.elsewhere import ID as ELSEWHERE
from tests.support.story import Story, a_story
from tests.support.world import FIFE, REFUSED, SCP, World, copied, make_template

WIDTHS = (1440, 900)
THEMES = ("light", "dark")
_PEOPLE = ("forum", "board", "controller", "callum")


def main() -> None:
    """Take them all; the folder is made if it is missing."""
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "screenshots"
    if (program := chromium_path()) is None:
        sys.exit("There is no Chromium here: see tests/support/system.sh.")
    chosen.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        _airflow(Path(temporary)) as (airflow, story, run_id),
        opened_browser(program) as browser,
    ):
        for theme, width in product(THEMES, WIDTHS):
            _say(f"{theme}, {width} px")
            for person, pages in _pages(story, run_id).items():
                _take(browser, airflow, person, theme, width, chosen, pages)


@contextmanager
def _airflow(folder: Path) -> Iterator[tuple[LocalAirflow, Story, str]]:
    """Airflow on a world with a story, after it ran Fife's agreement once."""
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    try:
        _say("making a world")
        template = make_template(folder / "template", server)
        with copied(template, folder / "home") as world:
            story = a_story(world, folder)
            _keep_from_airflow(world, story)
            airflow = LocalAirflow(_config(world))
            _say("starting Airflow")
            airflow.start()
            try:
                with airflow.client("engineer") as client:
                    dag_id = f"extract__{FIFE}"
                    client.wait_for_dags({dag_id})
                    _say("running one agreement")
                    run_id = client.trigger(dag_id)
                    client.wait_for_run(dag_id, run_id, check=airflow.check)
                yield airflow, story, run_id
            finally:
                airflow.stop()
    finally:
        server.stop()


def _keep_from_airflow(world: World, story: Story) -> None:
    """Or its scheduler would make up for what the story says did not come."""
    for request_id in (story.stopped, story.late_source, story.never_ran, story.came_late, story.renewed):
        (world.work.places.published / f"{request_id}.json").unlink()


def _config(world: World) -> AirflowConfig:
    world.home.postgres.create_role("airflow_pages")
    world.home.postgres.create_database("airflow_pages", "airflow_pages")
    return AirflowConfig(
        home=world.home.home,
        database_url=world.home.postgres.url("airflow_pages", "airflow_pages", driver="psycopg2"),
        dags_folder=PROJECT / "dags",
        users=(User("engineer", "op"), *(User(name, "viewer") for name in _PEOPLE)),
        environment={"EXTRACTS_REGISTER_URL": world.work.register_url, "EXTRACTS_RETRIES": "0"},
        parallelism=2,
    )


def _pages(story: Story, run_id: str) -> dict[str, dict[str, str]]:
    """By person, name of the file and address. Those below /extracts stand alone; others are seen within Airflow."""
    return {
        "forum": _of_the_forum(story, run_id),
        "board": {
            "decide-nothing-yet": f"/extracts/decide/{story.submitted}",
            "decide-stopped": f"/extracts/decide/{story.too_much}",
            "decide-carried": f"/extracts/decide/{story.carried}",
            "request-briefed": f"/extracts/request/{story.too_much}",
        },
        "controller": {"decide-signed-by-one": f"/extracts/decide/{story.in_review}"},
        "callum": {
            "own-requests": "/extracts/mine",
            "catalogue": "/extracts/catalogue",
            "ask": "/extracts/ask",
            "offered": f"/extracts/request/{story.too_much}",
            "request-its-requester-sees": f"/extracts/request/{story.carried}",
            "not-yours": f"/extracts/request/{SCP}",
            "feasible": "/extracts/ask#feasible",
        },
    }


def _of_the_forum(story: Story, run_id: str) -> dict[str, str]:
    dag, run = f"extract__{FIFE}", quote(run_id, safe="")
    return {
        "in-airflow-register": "/plugin/data-sharing",
        "in-airflow-agreement": f"/dags/{dag}/plugin/agreement",
        "in-airflow-release-sheet": f"/dags/{dag}/runs/{run}/plugin/outcome",
        "register": "/extracts/register",
        "register-narrowed": "/extracts/register?recipient=fife-council&status=agreement+in+force&words=pilot",
        "register-overdue": "/extracts/register?clock=overdue",
        "register-nothing": "/extracts/register?words=nobody+asked+for+this",
        "register-elsewhere": "/extracts/register?runs=elsewhere",
        "elsewhere": f"/extracts/elsewhere/{ELSEWHERE}",
        "watch": "/extracts/watch",
        "public": "/extracts/public",
        "request-approved": f"/extracts/request/{FIFE}",
        "request-in-part": f"/extracts/request/{story.in_part}",
        "request-refused": f"/extracts/request/{REFUSED}",
        "request-returned": f"/extracts/request/{story.returned}",
        "request-answered": f"/extracts/request/{story.answered}",
        "request-in-review": f"/extracts/request/{story.in_review}",
        "request-urgent": f"/extracts/request/{story.urgent}",
        "request-renewed": f"/extracts/request/{story.renewed}",
        "agreement": f"/extracts/agreement/{dag}",
        "agreement-suspended": f"/extracts/agreement/extract__{story.suspended}",
        "plan": f"/extracts/plan/{FIFE}",
        "release-sheet": f"/extracts/outcome/{dag}/{run}",
        "report": f"/extracts/report/{FIFE}/{run}",
        "manifest": f"/extracts/manifest/{FIFE}/{run}",
        "not-there": "/extracts/request/SDDSB-2026-999",
    }


def _take(
    browser: Browser, airflow: LocalAirflow, who: str, theme: str, width: int, folder: Path, pages: dict[str, str]
) -> None:
    scheme: Literal["dark", "light"] = "dark" if theme == "dark" else "light"
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_S * 1000)
    context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    page = context.new_page()
    _sign_in(page, airflow, who)
    for name, address in pages.items():
        alone = address.startswith("/extracts")
        page.goto(airflow.url + address)
        _settled(page, address)
        if address.endswith("#feasible"):
            _ask_whether(page)
        page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=alone)
    context.close()


def _ask_whether(page: Page) -> None:
    """Fill in the form with a sample in which not everything can be had, and ask."""
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text().replace(FIFE, "SDDSB-2026-899")
    text = text.replace("name: surname\n        treatment: keep", "name: surname\n        treatment: year")
    page.evaluate("data => window.requestForm.load(data)", parse(text.encode(), "sample").value)
    page.get_by_role("button", name="Can it be had?", exact=True).click()
    page.get_by_role("heading", name="Column by column").wait_for()


def _sign_in(page: Page, airflow: LocalAirflow, who: str) -> None:
    page.goto(airflow.url)
    page.fill("input[name=username]", who)
    page.fill("input[name=password]", airflow.config.passwords()[who])
    page.click("button[type=submit]")
    page.get_by_role("link", name="Dags").first.wait_for()


def _settled(page: Page, address: str) -> None:
    """Wait for the heading of the page, which inside Airflow stands in a frame."""
    within = page if address.startswith("/extracts") else page.frame_locator("iframe")
    within.get_by_role("heading", level=1).first.wait_for()


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    main()
