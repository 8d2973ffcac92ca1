"""The quality report in a real browser: it asks nobody for anything, and fits every width and paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from extracts.extraction.report import render_report
from extracts.extraction.values import CheckResult, Funnel, Report
from tests.support.browser import a_page, opened_browser

pytestmark = pytest.mark.browser

CHECKS = tuple(
    CheckResult(
        "has the form of a pseudonym: 32 hex characters",
        f"scottish_child_payment.a_column_with_a_rather_long_name_{n}",
        n != 7,
        f"{0 if n != 7 else 12:,} of 5,412,345 rows break this",
        harm="A value leaves more exactly than was approved, and nobody notices.",
    )
    for n in range(12)
)
REPORT = Report("Release validation", "release 1.0.0", CHECKS, "sha256:" + "a" * 64)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    facts = {"Recipient": "Social Security Scotland", "Plan": "sha256:" + "b" * 64}
    funnels = {"scottish_child_payment": Funnel(5_412_345, 5_000_000, 345, 2_000, 410_000)}
    path.write_text(render_report("SDDSB-2026-014.2026-11.r1", facts, [REPORT], funnels), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 900, 390])
def test_the_page_fits_and_asks_nobody_for_anything(browser: Browser, address: str, width: int, scheme: str) -> None:
    page = a_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    assert asked == [address]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.get_by_role("heading", level=1).inner_text() == "SDDSB-2026-014.2026-11.r1"
    assert page.get_by_text("Stopped: nothing leaves").is_visible()
    assert page.get_by_role("row").filter(has_text="Failed").count() == 1
    page.close()


def test_the_page_prints(browser: Browser, address: str) -> None:
    page = a_page(browser)
    page.goto(address)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
