"""`extracts elsewhere ...`: agreements that run by e-mail, in another system or on paper, registered all the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.options import Actor, Json, Reasons, acting, workplace
from extracts.cli.output import answer, out, show_facts, show_table
from extracts.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from extracts.record.elsewhere import ElsewhereEntry, ElsewhereLine

app = typer.Typer(no_args_is_help=True, help="Agreements that run elsewhere: by e-mail or on paper.")
_COLUMNS = ("id", "title", "recipient", "owner", "valid_until", "review_on", "standing")
Id = Annotated[
    str,
    typer.Argument(help="Its id, of a form of its own, such as elsewhere-2026-003.", metavar="ID", show_default=False),
]
Title = Annotated[str, typer.Option(help="What it is called.")]
Carrier = Annotated[str, typer.Option("--by", help="By what it runs: e-mail, another system or paper.")]
Recipient = Annotated[str, typer.Option(help="Who receives, by the id of a declared recipient.")]
RecipientName = Annotated[str, typer.Option(help="Who receives, by name, if it is no declared recipient.")]
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="A class of data, in words; may be repeated.", metavar="WORDS")
]
Gateway = Annotated[str, typer.Option(help="The statutory power, by its id in gateways.yaml.")]
Owner = Annotated[str, typer.Option(help="Who answers for it, by principal: reminded before its end.")]
ValidFrom = Annotated[str, typer.Option(help="Its first day, such as 2024-04-01.")]
ValidUntil = Annotated[str, typer.Option(help="Its last day; or, if it has none, the day to look at it again.")]
ReviewOn = Annotated[str, typer.Option(help="The day of its next review.")]
Scan = Annotated[
    Path | None, typer.Option(help="The scanned agreement. Its SHA-256 is recorded; the file is not kept.")
]


@app.command()
def add(
    elsewhere_id: Id,
    title: Title = "",
    carrier: Carrier = "",
    recipient: Recipient = "",
    recipient_name: RecipientName = "",
    classes: Classes = None,
    gateway: Gateway = "",
    owner: Owner = "",
    valid_from: ValidFrom = "",
    valid_until: ValidUntil = "",
    review_on: ReviewOn = "",
    scan: Scan = None,
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """Register an agreement that runs elsewhere."""
    from extracts.steps.elsewhere import add_elsewhere

    if scan is None:
        raise UsageError("--scan is missing.", advice="Name the scanned agreement; only its SHA-256 is recorded.")
    values = _values(
        (title, carrier, recipient, recipient_name, classes, gateway, owner, valid_from, valid_until, review_on), scan
    )
    entry = add_elsewhere(workplace(), elsewhere_id, values, acting(user))
    _told(entry, "is registered", as_json)


@app.command()
def correct(
    elsewhere_id: Id,
    reasons: Reasons,
    title: Title = "",
    carrier: Carrier = "",
    recipient: Recipient = "",
    recipient_name: RecipientName = "",
    classes: Classes = None,
    gateway: Gateway = "",
    owner: Owner = "",
    valid_from: ValidFrom = "",
    valid_until: ValidUntil = "",
    review_on: ReviewOn = "",
    scan: Scan = None,
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """Correct or extend one. What is not named stays; the history is kept."""
    from extracts.steps.elsewhere import correct_elsewhere

    values = _values(
        (title, carrier, recipient, recipient_name, classes, gateway, owner, valid_from, valid_until, review_on), scan
    )
    entry = correct_elsewhere(workplace(), elsewhere_id, values, reasons, acting(user))
    _told(entry, "is corrected", as_json)


@app.command()
def end(
    elsewhere_id: Id,
    reasons: Reasons,
    on: Annotated[str, typer.Option(help="The day on which it ended; default: today.")] = "",
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """Record that one has ended."""
    from extracts.steps.elsewhere import end_elsewhere

    entry = end_elsewhere(workplace(), elsewhere_id, reasons, acting(user), _day(on))
    _told(entry, f"ended on {entry.terms.ended_on}", as_json)


@app.command("list")
def list_all(
    recipient: Annotated[str, typer.Option(help="Only for this recipient, by id or name.")] = "",
    gateway: Annotated[str, typer.Option(help="Only under this power.")] = "",
    owner: Annotated[str, typer.Option(help="Only of this owner.")] = "",
    in_force: Annotated[bool, typer.Option("--in-force", help="Only those in force today.")] = False,
    as_json: Json = False,
) -> None:
    """All of them, the nearest end first."""
    from extracts.record.elsewhere import WantedElsewhere, list_elsewhere
    from extracts.record.transaction import reading

    work = workplace()
    today = work.today()
    wanted = WantedElsewhere(recipient, gateway, owner, in_force_on=today if in_force else None)
    with reading(work.register) as view:
        rows = [_row(line, today) for line in list_elsewhere(view, wanted)]
    cells = [[row[c] for c in _COLUMNS] for row in rows]
    answer(rows, as_json, lambda: show_table("Agreements that run elsewhere", _COLUMNS, cells))


@app.command()
def show(elsewhere_id: Id, as_json: Json = False) -> None:
    """One of them, with its history."""
    from extracts.record.elsewhere import elsewhere_history
    from extracts.record.transaction import reading

    work = workplace()
    with reading(work.register) as view:
        history = elsewhere_history(view, elsewhere_id)
    newest, told = history[-1], _history(history)
    document = {**_document(newest), "standing": newest.terms.standing(work.today()), "history": told}
    answer(document, as_json, lambda: _show(document))


@app.command()
def verify(
    elsewhere_id: Id,
    file: Annotated[Path, typer.Argument(help="A scan of the agreement.", metavar="FILE", show_default=False)],
    as_json: Json = False,
) -> None:
    """Compare a file with the digest that is recorded."""
    from extracts.steps.elsewhere import verify_scan

    entry = verify_scan(workplace(), elsewhere_id, file)
    document = {"id": elsewhere_id, "revision": entry.revision, "scan_digest": entry.terms.scan_digest, "same": True}
    said = f"{file} is the scan that is recorded for {elsewhere_id}: {entry.terms.scan_digest}."
    answer(document, as_json, lambda: out.print(said, markup=False))


_FIELDS = (
    *("title", "carrier", "recipient", "recipient_name", "classes", "gateway", "owner"),
    *("valid_from", "valid_until", "review_on"),
)


def _values(given: tuple[Any, ...], scan: Path | None) -> dict[str, Any]:
    from extracts.steps.elsewhere import scan_digest

    values = dict(zip(_FIELDS, given, strict=True))
    return values | ({"scan_digest": scan_digest(scan)} if scan else {})


def _day(text: str) -> date | None:
    from datetime import date

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("--on is no day.", advice="Write it as 2026-11-23.") from None


def _document(entry: ElsewhereEntry) -> dict[str, Any]:
    return {
        "id": entry.elsewhere_id,
        "revision": entry.revision,
        "digest": entry.digest,
        **entry.terms.document(),
        "recorded_by": entry.recorded_by,
        "recorded_at": entry.recorded_at,
    }


def _row(line: ElsewhereLine, today: date) -> dict[str, Any]:
    row = {"id": line.elsewhere_id, **line.__dict__, "standing": line.standing(today).value}
    return {name: value for name, value in row.items() if name != "elsewhere_id"}


def _history(history: tuple[ElsewhereEntry, ...]) -> list[dict[str, Any]]:
    from extracts.agreement.elsewhere import changes

    names, found = ("field", "before", "after"), []
    for before, entry in zip((history[0], *history), history, strict=False):
        changed = [dict(zip(names, change, strict=True)) for change in changes(before.terms, entry.terms)]
        told = {"revision": entry.revision, "at": entry.recorded_at, "by": entry.recorded_by}
        found.append({**told, "reasons": entry.terms.reasons, "changed": changed})
    return found


def _show(document: dict[str, Any]) -> None:
    told = {n: v for n, v in document.items() if n not in ("history", "id", "title", "reasons") and v not in (None, "")}
    history = [
        f"{h['at']:%Y-%m-%d %H:%M} revision {h['revision']}, by {h['by']}{': ' if h['reasons'] else ''}{h['reasons']}"
        for h in document["history"]
    ]
    show_facts(f"{document['id']}: {document['title']}", {**told, "history": history})


def _told(entry: ElsewhereEntry, what: str, as_json: bool) -> None:
    said = f"{entry.elsewhere_id} {what} (revision {entry.revision}); scan {entry.terms.scan_digest}."
    answer(_document(entry), as_json, lambda: out.print(said, markup=False))
