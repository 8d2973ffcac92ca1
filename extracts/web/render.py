"""Turns what was found into HTML: self-contained, escaped, and told by header to load and run nothing.

The styles are those of the quality report, so that all pages look alike.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from extracts.scheduling.facts import dag_id_of
from extracts.scheduling.links import dag_page, page
from extracts.web.visitor import ROOMS

# Nothing is loaded and nothing is executed; styles stand in the page. Airflow's own pages may show it in a frame.
# The filters' forms lead back to this server, and to nowhere else.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def html_page(name: str, *, status: int = 200, program: str = "", **values: Any) -> HTMLResponse:
    """The page `name` filled with values, every one of them escaped.

    `program`: a file of ours beside the pages, which alone may run in this page; the header names it by its digest.
    """
    code = _program(program) if program else ""
    text = _environment().get_template(f"{name}.html").render(values, program=Markup(code))  # noqa: S704 (our own file)
    return HTMLResponse(text, status, headers_for(code))


def headers_for(program: str = "") -> dict[str, str]:
    """The headers of a page in which nothing runs but this program, if there is one."""
    if not program:
        return HEADERS
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    return HEADERS | {"Content-Security-Policy": f"{POLICY}; script-src 'sha256-{digest}'"}


def finished_page(html: str) -> HTMLResponse:
    """A page that was rendered when its run ended: our own, and escaped then."""
    return HTMLResponse(html, headers=HEADERS)


def from_markdown(text: str) -> Markup:
    """Markdown as HTML; HTML inside it stays text."""
    from markdown_it import MarkdownIt

    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))  # noqa: S704


# The catalogue is one part, here and in the pages that stand alone.
_LOADER = ChoiceLoader([PackageLoader("extracts.web", "pages"), PackageLoader("extracts.standalone", "")])


@lru_cache(maxsize=4)
def _program(name: str) -> str:
    return (files("extracts.web") / "pages" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(loader=_LOADER, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    styles = (files("extracts.extraction") / "report.css", files("extracts.web") / "pages" / "pages.css")
    environment.globals["style"] = Markup("\n".join(s.read_text(encoding="utf-8") for s in styles))  # noqa: S704
    environment.globals |= {"usual_rooms": ROOMS, "page": page, "dag_page": dag_page, "dag_id_of": dag_id_of}
    environment.filters |= {"day": _day, "short_day": _short_day, "moment": _moment, "size": _size}
    return environment


def _day(value: date | None) -> str:
    """`5 November 2026`; a dash where there is none."""
    return f"{value:%-d %B %Y}" if value else "–"


def _short_day(value: date | None) -> str:
    """`5 Nov 2026`, for tables."""
    return f"{value:%-d %b %Y}" if value else "–"


def _moment(value: datetime | None) -> str:
    """`5 November 2026, 06:00 UTC`."""
    return f"{value.astimezone(UTC):%-d %B %Y, %H:%M} UTC" if value else "–"


def _size(value: int) -> str:
    """`2.4 MB`."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= bytes_:
            return f"{value / bytes_:,.1f} {unit}"
    return f"{value} bytes"
