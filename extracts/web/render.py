"""Turns what was found into HTML: self-contained, escaped, and told by header to load and run nothing.

The styles are those of the quality report, so that all pages look alike.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# Nothing is loaded and nothing is executed; styles stand in the page. Airflow's own pages may show it in a frame.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def html_page(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The page `name` filled with values, every one of them escaped."""
    text = _environment().get_template(f"{name}.html").render(values)
    return HTMLResponse(text, status, HEADERS)


def finished_page(html: str) -> HTMLResponse:
    """A page that was rendered when its run ended: our own, and escaped then."""
    return HTMLResponse(html, headers=HEADERS)


def from_markdown(text: str) -> Markup:
    """Markdown as HTML; HTML inside it stays text."""
    from markdown_it import MarkdownIt

    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))  # noqa: S704


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("extracts.web", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    style = (files("extracts.extraction") / "report.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(style)  # noqa: S704
    return environment
