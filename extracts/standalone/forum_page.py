"""The forum's pack as one page: figures first, each with a link to the rows that it counts, then those rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from extracts.agreement.status import Status
from extracts.forum.pack import ForumPack
from extracts.standalone.frame import render
from extracts.standalone.plots import Series, bars, lines

GATE_WORDS = {
    "check_approval": "Is it approved, now?",
    "check_source": "Is the source as approved, fresh and sound?",
    "build_extract": "Could it be built as planned?",
    "validate_extract": "Did the finished extract pass every check?",
    "sign_manifest": "Could it be encrypted and signed?",
    "release": "Is it still approved at release?",
    "not recorded": "No gate was reached, or none was written down",
}
CONTROL_WORDS = {
    "ApprovalMissing": "No decision in force covered it",
    "SignatureInvalid": "A signature did not count",
    "NotPermitted": "Somebody had not the right to do it",
    "PlanRefused": "The policy stops it",
    "SourceChanged": "The source is no longer what was approved",
    "SourceLate": "The source was loaded too long ago",
    "LimitExceeded": "A limit of the agreement was reached",
    "CheckFailed": "A check of source or extract failed",
    "HoldStops": "The hold list stopped it",
    "KeyLost": "A pseudonym key is missing",
    "HostKeyRefused": "The transfer area's server was not the pinned one",
    "Refused": "A rule of the run itself",
    "not recorded": "The control was not written down",
}
_PASSED = "passed at the first try"


@dataclass(frozen=True)
class Figure:
    """One number with its words, and the part of the page that holds its rows."""

    value: str
    words: str
    rows: str
    note: str = ""


def forum_page(pack: ForumPack) -> str:
    """The page as HTML text: self-contained, printable, without a program."""
    return render(
        "forum_page.html",
        style="forum_page.css",
        pack=pack,
        title=f"Data sharing in {_month(pack.month)}",
        figures=figures(pack),
        plots=_plots(pack),
        gates=GATE_WORDS,
        controls=CONTROL_WORDS,
        refused=Status.REFUSED,
    )


def figures(pack: ForumPack) -> tuple[tuple[str, tuple[Figure, ...]], ...]:
    """What stands at the head of the page, in three groups."""
    asked, agreed, sent = pack.requests, pack.agreements, pack.deliveries
    taken, waiting = asked.turnaround, asked.open_spread
    checks = sent.first_checks
    first = checks.passed + len(checks.stopped) + len(checks.unfinished)
    outcomes = dict(sent.outcomes)
    requests = (
        Figure(f"{len(asked.received):,}", "requests received", "received", _also(len(asked.resubmitted))),
        Figure(f"{len(asked.answered_as(Status.APPROVED)):,}", "approved, in whole or in part", "answered"),
        Figure(f"{len(asked.answered_as(Status.REFUSED)):,}", "refused", "answered", "reasons below"),
        Figure(f"{len(asked.returned):,}", "returned to the requester", "returned"),
        Figure(_days(taken.median if taken else None), "to an answer, median", "answered", _p90(pack)),
        Figure(f"{len(asked.open):,}", "open at the end", "open"),
        Figure(_days(waiting.longest if waiting else None, "none open"), "the oldest open", "open"),
        Figure(_granted(pack), "columns granted of those asked", "columns"),
    )
    agreements = (
        Figure(_in_force(pack), "agreements in force", "agreements", _suspended(pack)),
        Figure(f"{len(agreed.due_within(30)):,}", "reviews and ends within 30 days", "due"),
        Figure(f"{len(agreed.due_within(60)):,}", "from 31 to 60 days", "due"),
        Figure(f"{len(agreed.due_within(90)):,}", "from 61 to 90 days", "due"),
        Figure(f"{len(agreed.due_within(0)):,}", "reviews and ends overdue", "due"),
        Figure(f"{len(agreed.unused):,}", "in force and not used", "unused"),
        Figure(f"{len(agreed.changes):,}", "suspended, resumed or ended", "changes"),
    )
    deliveries = (
        Figure(f"{len(sent.delivered):,}", "deliveries", "deliveries", f"{sent.corrections} of them corrections"),
        Figure(str(sent.rows), "rows delivered", "deliveries", "rounded; small ones hidden"),
        Figure(f"{len(sent.recipients):,}", "recipients", "recipients"),
        Figure(f"{outcomes['stopped by a control']:,}", "runs stopped by a control", "runs", "a control that worked"),
        Figure(f"{outcomes['source late']:,}", "runs whose source was late", "runs"),
        Figure(f"{outcomes['technical failure']:,}", "technical failures", "runs"),
        Figure(_share(checks.passed, first), _PASSED, "first-checks"),
        Figure(_hours(pack), "source age at delivery, median", "deliveries", _age_note(pack)),
        Figure(
            f"{len(pack.custody.not_collected):,}", "not collected", "not-collected", "no receipt, at the month's end"
        ),
        Figure(f"{len(pack.custody.not_acknowledged):,}", "collected and not acknowledged", "not-acknowledged"),
        Figure(f"{len(pack.custody.not_certified):,}", "certificates of destruction overdue", "not-certified"),
    )
    return (("Requests", requests), ("Agreements", agreements), ("Deliveries and runs", deliveries))


def _plots(pack: ForumPack) -> dict[str, object]:
    asked, sent = pack.requests, pack.deliveries
    labels = [_short(line.label) for line in asked.trend]
    return {
        "requests": bars(
            "Requests received and answered, by month",
            labels,
            (
                Series("received", tuple(t.received for t in asked.trend)),
                Series("answered", tuple(t.answered for t in asked.trend)),
            ),
            "requests",
        ),
        "days": bars(
            "Working days to an answer, by month",
            labels,
            (
                Series("median", tuple(t.median for t in asked.trend)),
                Series("nine in ten within", tuple(t.p90 for t in asked.trend)),
            ),
            "working days",
        ),
        "deliveries": bars(
            "Deliveries by month",
            [_short(line.label) for line in sent.trend],
            (Series("deliveries", tuple(t.deliveries for t in sent.trend)),),
            "deliveries",
        ),
        "outcomes": lines("How runs ended this month", sent.outcomes, "runs"),
    }


def _in_force(pack: ForumPack) -> str:
    return f"{len(pack.agreements.active) + len(pack.agreements.elsewhere):,}"


def _suspended(pack: ForumPack) -> str:
    elsewhere = len(pack.agreements.elsewhere)
    run = f"; {elsewhere:,} of those in force {'runs' if elsewhere == 1 else 'run'} elsewhere" if elsewhere else ""
    return f"{len(pack.agreements.suspended)} suspended{run}"


def _month(label: str) -> str:
    return f"{date.fromisoformat(f'{label}-01'):%B %Y}"


def _short(label: str) -> str:
    return f"{date.fromisoformat(f'{label}-01'):%b %y}"


def _days(value: int | None, none: str = "none answered") -> str:
    return none if value is None else f"{value} working day{'' if value == 1 else 's'}"


def _also(resubmitted: int) -> str:
    return f"and {resubmitted} sent again after a return" if resubmitted else ""


def _p90(pack: ForumPack) -> str:
    taken = pack.requests.turnaround
    return f"nine in ten within {taken.p90}, the longest {taken.longest}" if taken else ""


def _granted(pack: ForumPack) -> str:
    asked = sum(c.asked for c in pack.requests.columns)
    return f"{sum(c.granted for c in pack.requests.columns):,} of {asked:,}" if asked else "none decided"


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" if whole else "none checked"


def _hours(pack: ForumPack) -> str:
    age = pack.deliveries.source_age
    return f"{age.median} hours" if age.median is not None else "not recorded" if age.unknown else "none delivered"


def _age_note(pack: ForumPack) -> str:
    age = pack.deliveries.source_age
    oldest = [f"the oldest {age.oldest} hours"] if age.oldest is not None else []
    return "; ".join([*oldest, *([f"not recorded for {age.unknown}"] if age.unknown else [])])
