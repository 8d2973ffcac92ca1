"""`extracts request page`: an answer, or whether it can be had, as one signed page to be sent to whoever asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extracts.cli.options import Actor, Json, RequestId, acting, workplace
from extracts.cli.output import answer, out
from extracts.cli.page_files import check_folder, put_signed
from extracts.errors import UsageError

if TYPE_CHECKING:
    from extracts.steps.answers import SignedFile

ANSWER, FEASIBILITY = "answer", "feasibility"
Kind = Annotated[str, typer.Option("--as", help=f"{ANSWER}, or {FEASIBILITY}, which is counted in the source now.")]
Version = Annotated[int | None, typer.Option(help="Which version; default: the newest.", show_default=False)]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file to write, and FILE.sig beside it; default: named after the request, in this folder.",
        metavar="FILE",
        show_default=False,
    ),
]


def page(
    request_id: RequestId,
    kind: Kind = ANSWER,
    version: Version = None,
    output: Output = None,
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """The answer to a request as one signed page. It says itself how to verify it; nothing in it is loaded."""
    from extracts.standalone.signed_page import answer_page, checked_name, feasibility_page
    from extracts.steps.briefing import feasibility_of_stored

    if kind not in (ANSWER, FEASIBILITY):
        raise UsageError(f"There is no page of a request as {kind!r}.", advice=f"Use {ANSWER} or {FEASIBILITY}.")
    work, actor = workplace(), acting(user)
    name = ""
    if output:
        name = checked_name(output.name)
        check_folder(output)
    if kind == ANSWER:
        made = answer_page(work, request_id, actor, version, name)
    else:
        made = feasibility_page(work, feasibility_of_stored(work, request_id, version, actor), actor, name)
    put(made, output, as_json)


def put(made: SignedFile, output: Path | None, as_json: bool) -> None:
    """Write page and signature, and say where they are."""
    path = output or Path(made.name)
    put_signed(made.page.decode(), made.signature, path)
    told = {
        "request": made.request_id,
        "version": made.version,
        "page": str(path),
        "signature": f"{path}.sig",
        "document_digest": made.document_digest,
    }
    answer(
        told,
        as_json,
        lambda: out.print(f"The page is in {path}, its signature in {path}.sig: send both.", markup=False),
    )
