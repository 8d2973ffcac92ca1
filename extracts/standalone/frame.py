"""What every page that stands alone has in common: one template environment, one look, one rule about the outside.

Every value is escaped by the templates; a page says by its own header what may run in it: nothing, or one program that
is named by its digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from extracts.agreement.suppression import SafeCount
from extracts.forum.month import LOCAL

_NOTHING = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"


def render(template: str, *, style: str, scripts: tuple[str, ...] = (), sends: bool = False, **values: Any) -> str:
    """A page. `style` and `scripts` name files of this package; scripts run in this order, as one program.

    `sends`: whether its forms may lead back to the server that the page came from.
    """
    program, policy = _program(scripts), policy_of(scripts, sends=sends)
    look = _resource("extracts.extraction", "report.css") + _resource("extracts.standalone", style)
    return (
        _environment()
        .get_template(template)
        .render(policy=policy, style=_as_it_is(look), program=_as_it_is(program), **values)
    )


def policy_of(scripts: tuple[str, ...] = (), *, sends: bool = False) -> str:
    """What a page with these scripts may do, as a Content-Security-Policy."""
    policy = f"{_NOTHING}; form-action '{'self' if sends else 'none'}'"
    return f"{policy}; script-src {_digest(_program(scripts))}" if scripts else policy


def _program(scripts: tuple[str, ...]) -> str:
    return "\n".join(_resource("extracts.standalone", name) for name in scripts)


def script_data(value: Any) -> Markup:
    """A value as JSON that may stand in a `script` element of a data type: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return _as_it_is(text)


def _digest(program: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()}'"


@lru_cache(maxsize=16)
def _resource(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")


def _as_it_is(text: str) -> Markup:
    return Markup(text)  # noqa: S704 (our own files, and JSON that cannot close its element)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("extracts.standalone", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": _day, "moment": _moment, "number": _number, "size": _size}
    return environment


def _day(value: date | datetime) -> str:
    local = value.astimezone(LOCAL).date() if isinstance(value, datetime) else value
    return f"{local.day} {local:%b %Y}"


def _moment(value: datetime) -> str:
    local = value.astimezone(LOCAL)
    return f"{local.day} {local:%b %Y, %H:%M}"


def _number(value: int | SafeCount | None) -> str:
    return "none yet" if value is None else str(value) if isinstance(value, SafeCount) else f"{value:,}"


def _size(value: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value} bytes"
