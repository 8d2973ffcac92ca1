"""The forum's pack as the two chief data officers get it: from a world that ran, in a browser, on paper."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from extracts.agreement.decision import OrderKind
from extracts.forum.month import local_day
from extracts.local.home import DemoHome
from tests.support.browser import a_page, opened_browser
from tests.support.command_line import extracts
from tests.support.deciding import approved, submit
from tests.support.world import FIFE, World, copied

NASTY = '<script>alert(1)</script> & "quotes"'


@pytest.fixture(scope="module")
def ran(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with a delivery, a run that a control stopped, a suspension, and a request with a hostile title."""
    folder = tmp_path_factory.mktemp("forum")
    with copied(template_world, folder / "home") as world:
        assert world.run(FIFE, started_by="engineer")["outcome"] == "delivered"
        stopped = approved(world, folder)
        world.order(stopped, OrderKind.SUSPEND)
        assert world.run(stopped)["outcome"] == "stopped by a control"
        submit(world, folder, changes={"title: Benefit cap support, Fife": f"title: '{NASTY}'"})
        yield world


@pytest.fixture(scope="module")
def month(ran: World) -> str:
    return f"{local_day(ran.work.now()):%Y-%m}"


@pytest.fixture(scope="module")
def page(ran: World, month: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pack") / "pack.html"
    said = extracts(ran, "forum", "pack", "--month", month, "--output", file)
    assert (said.code, str(file) in said.text) == (0, True), said.text
    return file


def test_the_pack_says_what_happened_in_this_world(ran: World, month: str) -> None:
    found = extracts(ran, "forum", "pack", "--month", month, "--json").json
    sent = found["deliveries"]
    assert [d["sent"]["delivery_id"].startswith(FIFE) for d in sent["delivered"]] == [True]
    assert dict(sent["outcomes"])["delivered"] == 1
    assert sent["source_age"]["known"] == 1, "the run wrote down how old its source was"
    assert sent["first_checks"] == {"passed": 1, "stopped": [], "unfinished": []}
    assert dict(sent["stopped_by_gate"]) == {"check_approval": 1}
    assert dict(sent["stopped_by_control"]) == {"ApprovalMissing": 1}
    assert [r["actor"] for r in sent["by_hand"]] == ["engineer"]
    waits = [h["delivery_id"] for h in found["custody"]["not_collected"]]
    assert waits == [sent["delivered"][0]["sent"]["delivery_id"]]
    assert (len(found["agreements"]["active"]), len(found["agreements"]["suspended"])) == (3, 1)
    assert dict(found["requests"]["refused_by_reason"]), "one of the samples was refused"
    assert "Agreement suspended" in [h["what"] for h in found["since"]["happened"]]


def test_every_figure_leads_to_its_rows_and_nothing_typed_becomes_html(page: Path) -> None:
    html = page.read_text()
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    assert not set(re.findall(r'href="#([^"]+)"', html)) - ids
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not re.findall(r'(?:src|href)="(?!#)', html)


def test_the_pack_goes_to_standard_output_for_a_month_that_is_over(ran: World) -> None:
    said = extracts(ran, "forum", "pack", "--month", "2026-01")
    assert said.out.startswith("<!doctype html>")
    assert "Nothing was delivered this month." in said.out
    assert "none answered" in said.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--month", "2099-01"), "2099-01 has not begun"),
        (("--month", "soon"), "Write it as 2026-11"),
        (("--since", "yesterday"), "--since is no day"),
        (("--since", "2099-01-01"), "has not come yet"),
        (("--output", "/nowhere/at/all.html"), "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_told_with_what_to_do(ran: World, arguments: tuple[str, ...], told: str) -> None:
    said = extracts(ran, "forum", "pack", *arguments)
    assert (said.code, told in said.text) == (2, True), said.text


# --- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (900, "dark"), (390, "light")])
def test_the_page_fits_asks_nobody_and_every_plot_has_its_table(
    browser: Browser, page: Path, width: int, scheme: str
) -> None:
    tab = a_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(page.as_uri())
    assert (asked, said) == ([page.as_uri()], [])
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    plots = tab.get_by_role("img")
    assert plots.count() == 4
    assert all(plots.nth(n).get_attribute("aria-label") for n in range(4))
    assert tab.evaluate("[...document.querySelectorAll('th')].every(th => th.scope)")
    levels = tab.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    tab.close()


@pytest.mark.browser
def test_the_page_is_used_by_keyboard_and_prints(browser: Browser, page: Path) -> None:
    tab = a_page(browser)
    tab.goto(page.as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.get_by_role("link", name=re.compile("requests received")).press("Enter")
    assert tab.evaluate("document.querySelector(':target').textContent") == "Requests received"
    assert tab.pdf(format="A4").startswith(b"%PDF")
    tab.close()
