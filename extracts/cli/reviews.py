"""`extracts review ...`: what reviewers were asked and answered, and a way to answer without Airflow.

The rules are the same wherever an answer comes from, and what does not count is recorded too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.options import Actor, Json, Reasons, RequestId, acting, signed_in, workplace
from extracts.cli.output import answer, err, out, show_facts, show_table
from extracts.errors import ExtractsError, UsageError

if TYPE_CHECKING:
    from extracts.agreement.request import Request
    from extracts.agreement.review_answer import ReviewAnswer
    from extracts.catalogue.reviewers import ReviewKind
    from extracts.steps.review_standing import ReviewStanding

app = typer.Typer(no_args_is_help=True, help="See which reviews a request needs, and answer one.")
Version = Annotated[int | None, typer.Option(help="Version of the request; default: the newest.", min=1)]
Kind = Annotated[
    str,
    typer.Argument(
        help="legal, data-protection, security, information-asset-owner or board.", metavar="REVIEW", show_default=False
    ),
]
_COLUMNS = ("request", "version", "review", "asked of", "due")
_CARRIED = ("request", "version", "review", "answered by", "carried from", "because")


@app.command("list")
def list_all(
    name: Annotated[str, typer.Option("--for", help="Only what waits for this person or user name.")] = "",
    carried: Annotated[
        bool,
        typer.Option("--carried", help="Instead: answers carried from an earlier version."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Reviews that wait for an answer. The oldest target first."""
    if carried:
        _list_carried(name, as_json)
        return
    from extracts.steps.review_list import waiting_reviews

    found = [_waiting(request_id, version, r) for request_id, version, r in waiting_reviews(workplace(), name)]
    answer(found, as_json, lambda: show_table("Reviews that wait", _COLUMNS, [[r[c] for c in _COLUMNS] for r in found]))


def _list_carried(name: str, as_json: bool) -> None:
    from extracts.steps.review_list import carried_reviews

    found = [_carried(*row) for row in carried_reviews(workplace(), name)]
    rows = [[r[c] for c in _CARRIED] for r in found]
    answer(found, as_json, lambda: show_table("Answers carried from an earlier version", _CARRIED, rows))


@app.command()
def show(request_id: RequestId, version: Version = None, as_json: Json = False) -> None:
    """The reviews of a request. Whose move, what was answered, and what did not count."""
    from extracts.steps.review_list import refused_answers
    from extracts.steps.review_standing import reviews_of

    work = workplace()
    found, refused = reviews_of(work, request_id, version), refused_answers(work, request_id)
    document = {"request": request_id, "reviews": [r.document() for r in found], "refused": refused}
    answer(document, as_json, lambda: _say(request_id, found, refused))


@app.command()
def start(request_id: RequestId, version: Version = None, as_json: Json = False) -> None:
    """Ask the reviewers in Airflow. One run for a version; submitting does it, where Airflow is set."""
    from extracts.local.consideration import start_consideration
    from extracts.settings import environment
    from extracts.steps.requests import stored_request

    entry = stored_request(workplace(), request_id, version)
    run_id = start_consideration(environment(), entry.request_id, entry.version)
    document = {"request": entry.request_id, "version": entry.version, "run": run_id}
    answer(document, as_json, lambda: out.print(f"Airflow considers it, in run {run_id}.", markup=False))


def start_if_set(request_id: str, version: int) -> None:
    """Start the run where settings name an Airflow. A submission stands even if that fails, and says so."""
    from extracts.local.consideration import is_configured, start_consideration
    from extracts.settings import environment

    found = environment()
    if not is_configured(found):
        return
    try:
        start_consideration(found, request_id, version)
    except ExtractsError as error:
        told = f"It is submitted, and Airflow does not know: {error} Later: `extracts review start {request_id}`."
        err.print(told, markup=False)


@app.command("ask-again")
def ask_anew(request_id: RequestId, review: Kind, reasons: Reasons, user: Actor = "", as_json: Json = False) -> None:
    """Set a carried answer aside, for the Board. The review waits for a new answer."""
    from extracts.steps.asking_again import ask_again

    found = ask_again(workplace(), request_id, _kind(review), user or signed_in(), reasons)
    _tell_airflow(found.request_id, found.version, found.review)
    document = {"request": found.request_id, "version": found.version, "review": found.review}
    answer(
        document, as_json, lambda: out.print(f"The {found.review} review of {request_id} waits again.", markup=False)
    )


def _tell_airflow(request_id: str, version: int, review: str) -> None:
    """Where settings name an Airflow, the form is there again; what was recorded stands even if that fails."""
    from extracts.local.consideration import ask_again_in_airflow, is_configured
    from extracts.settings import environment

    found = environment()
    if not is_configured(found):
        return
    try:
        ask_again_in_airflow(found, request_id, version, review)
    except ExtractsError as error:
        told = f"It waits, and Airflow does not know: {error} Clear the review's task there, or answer it here."
        err.print(told, markup=False)


@app.command("answer")
def give(
    request_id: RequestId,
    review: Kind,
    outcome: Annotated[str, typer.Option(help="supports, supports-with-conditions or objects.")],
    reasons: Annotated[str, typer.Option(help="Why, in a sentence or more; Board and Controller read it.")],
    refuse_column: Annotated[
        list[str] | None,
        typer.Option(help="A column to refuse, and why; may be repeated.", metavar="NAME=WHY"),
    ] = None,
    condition: Annotated[list[str] | None, typer.Option(help="A condition; may be repeated.")] = None,
    present: Annotated[
        list[str] | None,
        typer.Option(help="For board: a member who was there; may be repeated.", metavar="NAME"),
    ] = None,
    version: Version = None,
    user: Annotated[str, typer.Option("--as-user", help="Who answers; default: the user signed in here.")] = "",
    as_json: Json = False,
) -> None:
    """Answer a review, as in Airflow. It counts if you are assigned today; if not, that is recorded."""
    from extracts.agreement.review_answer import answer_in_lines
    from extracts.steps.reviews import Asked, answer_review

    def read(request: Request) -> ReviewAnswer:
        refuse = "\n".join(text.replace("=", ": ", 1) for text in refuse_column or ())
        words = outcome.replace("-", " ")
        return answer_in_lines(request, words, reasons, refuse, "\n".join(condition or ()), "\n".join(present or ()))

    asked = Asked(request_id, _kind(review), version)
    found = answer_review(workplace(), asked, user or signed_in(), read, acting(user))
    document = {
        "request": found.request_id,
        "version": found.version,
        "review": found.review,
        "answered_by": found.answered_by,
        "stands_for": found.stands_for,
        "answer": dict(found.document),
        "answer_digest": found.digest,
    }
    answer(
        document, as_json, lambda: out.print(f"The {found.review} review of {request_id} is answered.", markup=False)
    )


def _kind(word: str) -> ReviewKind:
    from extracts.catalogue.reviewers import ReviewKind

    known = {kind.value.replace(" ", "-"): kind for kind in ReviewKind}
    if word.replace(" ", "-") not in known:
        raise UsageError(f"{word!r} is no review.", advice=f"Use one of: {', '.join(known)}.")
    return known[word.replace(" ", "-")]


def _waiting(request_id: str, version: int, found: ReviewStanding) -> dict[str, Any]:
    asked_of = ", ".join(s.principal for s in found.assigned) or "nobody is assigned today"
    due = found.asked.target_on.isoformat() if found.asked else ""
    return dict(zip(_COLUMNS, (request_id, version, found.review.value, asked_of, due), strict=True))


def _carried(request_id: str, version: int, found: ReviewStanding) -> dict[str, Any]:
    assert found.entry is not None
    assert found.carried is not None
    by, origin = found.entry.answered_by, f"version {found.carried.from_version}"
    told = (request_id, version, found.review.value, by, origin, found.carried.why)
    return dict(zip(_CARRIED, told, strict=True))


def _say(request_id: str, found: tuple[ReviewStanding, ...], refused: list[dict[str, Any]]) -> None:
    if not found:
        out.print(f"{request_id} needs no reviews.", markup=False)
    for one in found:
        show_facts(f"{one.review} review", review_in_words(one))
    if refused:
        columns = ("when", "version", "review", "by", "reason")
        show_table("Answers that did not count", columns, [[r[c] for c in columns] for r in refused])


def review_in_words(found: ReviewStanding) -> dict[str, object]:
    """One review as names and values for people."""
    entry, given = found.entry, found.answer
    if entry is None or given is None:
        again = {"asked again": found.again_in_words} if found.again else {}
        return {"asked for by": found.clause, "whose move": found.move, **again}
    by = f"{entry.answered_by}{f', for {entry.stands_for}' if entry.stands_for else ''}"
    facts: dict[str, object] = {"answer": given.outcome.value, "by": f"{by}, {entry.answered_at:%Y-%m-%d %H:%M} UTC"}
    if found.carried:
        facts["still holds"] = found.carried_in_words
    more = {"reasons": given.reasons, "would refuse": list(given.refused), "conditions": list(given.conditions)}
    if given.present:
        more["present"] = list(given.present)
    return facts | {name: told for name, told in more.items() if told}
