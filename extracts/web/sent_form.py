"""What a form on our pages sends back: from our own page only, by the person whom it was made for, not too long ago.

Rules, in this order; whoever breaks one changes nothing, and is told to the ledger:
1. The browser says that it comes from a page of this very server (`Sec-Fetch-Site`); one that does not say so gives an
   `Origin` of this server. Without either, nothing is taken.
2. The form holds a token, made and signed for this user by this server, not older than a working day. Airflow's cookie
   alone, which a browser sends along with whatever it is told to, moves nothing.
3. A form has no more than `MAX_BYTES`, and says beforehand how many it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from airflow.configuration import conf
from fastapi import Depends, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from extracts.errors import UsageError
from extracts.web.access import turn_away
from extracts.web.visitor import Visitor, VisitorDep

MAX_BYTES = 2_000_000
MAX_AGE_S = 12 * 3600
TOKEN = "form"  # noqa: S105 (the name of a field)
_OURS = "same-origin"


def form_token(visitor: Visitor) -> str:
    """What a form for this visitor has to hold."""
    return str(_serializer().dumps(visitor.user))


async def sent(request: Request, visitor: VisitorDep) -> Mapping[str, str]:
    """The fields of a form as text, files too. Raises NotPermitted, UsageError."""
    if not _from_our_page(request):
        await run_in_threadpool(turn_away, request, visitor.user, "sent from elsewhere", _ELSEWHERE)
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit() and int(length) <= MAX_BYTES):
        raise UsageError(f"A form has at most {MAX_BYTES:,} bytes.", advice="Send less, or use the command line.")
    async with request.form(max_fields=500, max_part_size=MAX_BYTES) as form:
        fields = {name: await _text(value) for name, value in form.multi_items()}
    if not _is_theirs(fields.pop(TOKEN, ""), visitor):
        await run_in_threadpool(turn_away, request, visitor.user, "without a valid token", _NO_TOKEN)
    return fields


Sent = Annotated[Mapping[str, str], Depends(sent)]
_ELSEWHERE = (
    "This form was not sent from a page of this server, so nothing was changed.",
    "Open the page in Airflow, and send the form there.",
)
_NO_TOKEN = (
    "This form is too old, or was made for somebody else, so nothing was changed.",
    "Open the page again, and send the form there.",
)


def _from_our_page(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    if site is not None:
        return site == _OURS
    served_at = urlsplit(conf.get("api", "base_url", fallback="") or "").netloc
    return bool(origin) and urlsplit(origin).netloc in {request.headers.get("host", ""), served_at} - {""}


def _is_theirs(token: str, visitor: Visitor) -> bool:
    try:
        return bool(_serializer().loads(token, max_age=MAX_AGE_S) == visitor.user)
    except BadSignature:
        return False


async def _text(value: UploadFile | str) -> str:
    text = value if isinstance(value, str) else (await value.read()).decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n")  # as which browsers send every line's end, and ssh-keygen reads no signature


def _serializer() -> URLSafeTimedSerializer:
    # Airflow's own secret, which its API servers share; the salt keeps tokens of one kind from serving as another.
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="extracts.form")
