"""`extracts settings`, `doctor`, `publish`, `register migrate`: the installation itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from extracts.cli.options import Actor, Json, acting, workplace
from extracts.cli.output import answer, out, show_facts, show_table
from extracts.errors import SettingMissing

if TYPE_CHECKING:
    from extracts.agreement.assessment import Assessment, Finding

policy_app = typer.Typer(no_args_is_help=True, help="The policy statement in force.")
register_app = typer.Typer(no_args_is_help=True, help="The register's database.")


def settings(as_json: Json = False) -> None:
    """The effective settings, secrets masked."""
    from extracts.settings import environment, masked

    found = masked(environment())
    answer(found, as_json, lambda: show_facts("Settings", found))


def doctor(as_json: Json = False) -> None:
    """What is missing or unsafe here."""
    from extracts.settings import open_to_examine
    from extracts.steps.doctor import examine

    found = examine(*open_to_examine())
    rows = [(c.subject, "ok" if c.passed else "MEND", c.detail) for c in found]
    answer([c.__dict__ for c in found], as_json, lambda: show_table("Doctor", ("what", "", "found"), rows))
    if not all(c.passed for c in found):
        raise typer.Exit(1)


def publish(user: Actor = "", as_json: Json = False) -> None:
    """Write every agreement's file afresh from the register. What has passed its last day expires."""
    from extracts.steps.expiry import expire_ended
    from extracts.steps.publishing import publish_missing

    work, actor = workplace(), acting(user)
    expired = expire_ended(work)
    done = publish_missing(work, actor)
    said = f"Expired: {', '.join(expired) or 'none'}. Published: {', '.join(done) or 'all were as they should be'}."
    answer({"expired": expired, "published": done}, as_json, lambda: out.print(said))


@policy_app.command()
def review(user: Actor = "", as_json: Json = False) -> None:
    """Judge the agreements that run by the policy in force. Says which to review, and which stop at once."""
    from extracts.steps.policy_review import review_running

    found = review_running(workplace(), acting(user))
    judged = [("stops at once", a) for a in found.to_stop] + [("review", a) for a in found.to_review]
    document = [
        {"agreement": a.request_id, "what": what, "findings": _findings(a), "why": _why(a)} for what, a in judged
    ]
    document += [
        {"agreement": request_id, "what": "cannot be judged", "findings": [], "why": reason}
        for request_id, reason in found.unreadable
    ]
    columns = ("agreement", "what", "why")
    rows = [[one[column] for column in columns] for one in document]
    answer(document, as_json, lambda: show_table("Agreements under this policy", columns, rows))


def _failing(assessment: Assessment) -> tuple[Finding, ...]:
    return (*assessment.violations, *assessment.gaps)


def _why(assessment: Assessment) -> str:
    return "; ".join(f"{f.rule}: {f.message}" for f in _failing(assessment))


def _findings(assessment: Assessment) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in _failing(assessment)]


@register_app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the register's database to this version. Needs EXTRACTS_REGISTER_OWNER_URL."""
    from sqlalchemy import make_url

    from extracts.record.boundary import open_engine
    from extracts.record.migrations import migrate as apply

    work = workplace()
    if not work.register_owner_url or not work.register_url:
        raise SettingMissing("Set EXTRACTS_REGISTER_OWNER_URL and EXTRACTS_REGISTER_URL.")
    application = make_url(work.register_url).username or ""
    folder: Path = work.places.sql / "register"
    done = apply(open_engine(work.register_owner_url), folder, application=application, now=work.now())
    said = f"Applied: {', '.join(done) or 'nothing was missing'}."
    answer({"applied": list(done)}, as_json, lambda: out.print(said))
