"""`extracts rehearse`: made-up rows go the way of the deliveries, before the first of them."""

from __future__ import annotations

from typing import Annotated

import typer

from extracts.cli.options import Actor, Json, RequestId, acting, workplace
from extracts.cli.output import answer, out
from extracts.errors import UsageError


def rehearse(
    request_id: RequestId,
    waive: Annotated[
        bool, typer.Option("--waive", help="Send nothing: the Controller lets the first delivery go without.")
    ] = False,
    reasons: Annotated[str, typer.Option(help="With --waive: the emergency; it becomes part of the record.")] = "",
    recipient: Annotated[str, typer.Option(help="Only to this one, where there are several.")] = "",
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """Send made-up rows of the agreement's form to its recipient. Acknowledged once, they open the way.

    Of several recipients, each gets them that needs them still.
    """
    if bool(reasons) != waive:
        raise UsageError("--waive and --reasons go together.", advice="A rehearsal that is sent needs no reasons.")
    if waive:
        _waive(request_id, reasons, user, as_json)
        return
    from extracts.steps.rehearsing import rehearse_each
    from extracts.steps.requests import stored_request

    work = workplace()
    stored_request(work, request_id)
    sent = rehearse_each(work, request_id, acting(user), recipient)
    said = [f"{each.rehearsal_id} can be collected by {each.recipient}: {path}" for each, path in sent]
    said += ["It is a test, and no delivery. Once it is acknowledged, it is taken out of the transfer area."]
    documents = [
        {"rehearsal": each.rehearsal_id, "recipient": each.recipient, "state": each.step, "path": str(path)}
        for each, path in sent
    ]
    # One recipient is told of as it was before there could be several.
    told = documents[0] if len(documents) == 1 else {"rehearsals": documents}
    answer(told, as_json, lambda: out.print("\n".join(said), markup=False))


def _waive(request_id: str, reasons: str, user: str, as_json: bool) -> None:
    from extracts.steps.rehearsals import waive
    from extracts.steps.requests import stored_request

    work = workplace()
    stored_request(work, request_id)
    found = waive(work, request_id, acting(user), reasons)
    said = f"The first delivery of {request_id}, version {found.version}, may go without a rehearsal. It is on record."
    answer({"request": request_id, "version": found.version}, as_json, lambda: out.print(said, markup=False))
