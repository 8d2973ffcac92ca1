"""Writes the generated reference pages: `python -m extracts.cli.reference docs`; a test compares them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extracts.agreement.notices import Telling
    from extracts.agreement.policy import Policy

_NOTE = "<!-- Written by `make docs`; do not edit. -->\n\n"


def pages() -> Mapping[str, Callable[[], str]]:
    """Path below docs -> its text."""
    from extracts.extraction.validation_reference import expectations_reference
    from extracts.handover.reference import manifest_reference
    from extracts.production.compose import compose_text

    return {
        "reference/settings.md": settings_page,
        "reference/cli.md": cli_page,
        "reference/treatments.md": treatments_page,
        "reference/policy-rules.md": policy_page,
        "reference/statuses.md": statuses_page,
        "reference/notices.md": notices_page,
        "reference/manifest.md": manifest_reference,
        "reference/expectations.md": expectations_reference,
        "reference/performance.md": performance_page,
        "reference/request.schema.json": request_schema_page,
        "reference/request.md": request_fields_page,
        "../docker-compose.yml": compose_text,
    }


def request_schema_page() -> str:
    """The JSON Schema of requests, for editors."""
    from extracts.agreement.request import request_schema

    return json.dumps(request_schema(), indent=2, ensure_ascii=False) + "\n"


def request_fields_page() -> str:
    """Every field of a request, from that schema."""
    from extracts.agreement.request import request_schema
    from extracts.cli.request_reference import request_page

    return _NOTE + request_page(request_schema())


def settings_page() -> str:
    """Every environment variable."""
    from extracts.settings import SETTINGS

    head = """# Settings

Everything comes from the environment. A file `settings.env` in EXTRACTS_HOME (mode 0600, one `NAME=value` a line) fills
in what the environment does not say; the demo writes one. No secret has a default. `extracts settings` prints what is
in force, secrets masked; `extracts doctor` says what is missing or unsafe.

| variable | meaning | default |
|---|---|---|
"""
    rows = [
        f"| `{s.name}` | {s.meaning}{' **Secret.**' if s.secret else ''} | {_default(s.default)} |" for s in SETTINGS
    ]
    return _NOTE + head + "\n".join(rows) + "\n"


def _default(text: str | None) -> str:
    if text is None:
        return "none: must be set"
    return f"`{text.replace('{PROJECT}/', '').replace('{EXTRACTS_HOME}', '$EXTRACTS_HOME')}`" if text else "empty"


def cli_page() -> str:
    """Every command with its options, from the command line itself."""
    import typer.main

    from extracts.cli.app import app

    root = typer.main.get_command(app)
    head = """# Command line

Every command answers with tables for people, and under `--json` with one JSON document on standard output: an error
too, as `error`, `message`, `advice`, and for an unreadable document its `source` and `problems` (field, line, message,
allowed). Exit codes: 0 done, 1 refused or failed check, 2 usage (unknown id, unreadable input, missing setting). A
`run` of what was delivered already is done; one that found another run at work is not.

"""
    return _NOTE + head + "\n".join(_commands(root, "extracts"))


def _commands(command: Any, name: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children:
        for child, found in children.items():
            yield from _commands(found, f"{name} {child}")
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join([name, *(_argument(a) for a in arguments), *(["[options]"] if options else [])])
    yield f"## `{usage}`\n\n{' '.join((command.help or '').split())}\n"
    if arguments or options:
        yield "| | |\n|---|---|"
        for parameter in (*arguments, *options):
            yield f"| `{', '.join(_names(parameter))}` | {' '.join((getattr(parameter, 'help', None) or '').split())} |"
        yield ""


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper()


def _names(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [_argument(parameter)]
    return [str(name) for name in parameter.opts]


def treatments_page() -> str:
    """What each treatment does, before and after."""
    from extracts.catalogue.treatments import TREATMENTS

    head = """# Treatments

What can be done to a column before it leaves. Which of them a column allows, for identified and for pseudonymised
extracts, is in its dataset's contract. Blank identifiers become null before they are pseudonymised, and nulls stay null
(`present` alone makes them false). A National Insurance number is taken by its letters and digits, in capitals and
without its suffix letter, so `qq 12 34 56 c` and `QQ123456` have one pseudonym. A change of what a treatment does is a
new version, and older approvals do not cover it.

| treatment | parameters | what is delivered | before | after |
|---|---|---|---|---|
"""
    rows = [
        f"| `{t.reference}` | {', '.join(t.parameters) or '-'} | {t.plain} | `{t.before}` | `{t.after}` |"
        for t in TREATMENTS.values()
    ]
    return _NOTE + head + "\n".join(rows) + "\n"


def policy_page() -> str:
    """The sample policy statement's rules."""
    from extracts.agreement.policy import parse_policy
    from extracts.documents import read
    from extracts.settings import PROJECT

    policy = parse_policy(read(PROJECT / "examples" / "governance" / "policy.yaml"))
    head = f"""# Policy rules

The rules of the sample policy statement, version {policy.version}. An organisation writes its own in
`policy.yaml`; the checks that a rule may name are these. Every rule answers one of the Board's five questions, and each
finding is a pass, a violation or a gap (not declared, so it cannot be judged). Both of the latter stop. A rule marked
*immediate* also stops agreements that run already; the others list them for review.

| rule | question | what it asks | where it comes from | what to do |
|---|---|---|---|---|
"""
    rows = [
        f"| {r.id}{' (immediate)' if r.immediate else ''} | {r.question} | {r.title} | {r.clause} | {r.fix} |"
        for r in policy.rules
    ]
    return _NOTE + head + "\n".join(rows) + "\n" + _days(policy)


def _days(policy: Policy) -> str:
    """Its target days and escalation routes."""
    lanes = (("ordinary", policy.target_days.ordinary), ("expedited", policy.target_days.expedited))
    rows = [f"| {name} | {t.submitted} | {t.in_review} | {t.submitted + t.in_review} |" for name, t in lanes]
    routes = [f"| `{name}` | {route.ask} | {route.working_days} |" for name, route in policy.escalation_routes.items()]
    return f"""
## Target days

Working days in Scotland and in England alike, counted from the day after; none while the request is with its requester.
*Submitted* lasts until the first of the two signs, *in review* until the other has.

| lane | submitted | in review | together |
|---|---|---|---|
{chr(10).join(rows)}

## Escalation routes

Whom a refused requester may ask, in this order; the days count from the day on which the decision was drawn up.

| route | what to do | working days |
|---|---|---|
{chr(10).join(routes)}
"""


def statuses_page() -> str:
    """The table of transitions and its picture."""
    from extracts.agreement.status import TRANSITIONS, diagram

    rows = [f"| {t.source} | {t.verb} | {t.target} | {' or '.join(str(who) for who in t.who)} |" for t in TRANSITIONS]
    return (
        _NOTE
        + "# Statuses of a request\n\nWhat is not in this table cannot be done. A draft is the requester's own file; "
        "what was returned, or is over, goes on as a new version.\n\n```mermaid\n"
        + diagram()
        + "```\n\n| from | step | to | who |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def notices_page() -> str:
    """Who is told what, and when."""
    from extracts.agreement.notices import TELLINGS

    head = """# Notices

Who is told what, and when. A notice holds ids, declared words, dates and counts: nothing that a person typed, and
nothing about a claimant. It is raised once per cause and audience, in the transaction of what it tells of, and sent
at least once ([operate](../how-to/operate.md)). Where a row names several, each has a notice of their own. Every notice
to a recipient ends with whom to ask.

| notice | raised when | for | subject | words |
|---|---|---|---|---|
"""
    rows = [
        f"| {kind} | {t.when} | {', '.join(t.audiences)} | `<id>: {t.subject}` | {_words(t)} |"
        for kind, t in TELLINGS.items()
    ]
    return _NOTE + head + "\n".join(rows) + "\n"


def _words(telling: Telling) -> str:
    theirs = f" *To the recipient:* {telling.for_recipient}" if telling.for_recipient else ""
    return " ".join(f"{telling.body}{theirs}".split())


def performance_page() -> str:
    """How to measure, and what was measured last: the benchmark's own page below its explanation."""
    from extracts.settings import PROJECT

    head = """# Performance

```console
$ make bench                                                  # 1 and 5 million rows, 3 runs; half an hour
$ .venv/bin/python -m benchmarks --quick                      # does it work at all? Nothing is written
$ .venv/bin/python -m benchmarks --rows 2000000 --runs 5
$ .venv/bin/python -m benchmarks.dag_parse --keep             # parsing alone, by number of agreements
$ .venv/bin/python -m benchmarks.ledger --keep                # the ledger, with a million events
```

It makes a world as the demo does: one dataset of synthetic people, a request for 13 of its columns that passes the
sample policy, two signatures, a role. Each measure is a process of its own, whose peak memory is its own; libraries are
imported before its clock starts. Seconds are of one machine: compare ratios to the raw copy of the same run, and on a
busy machine processor seconds, which are of the measured process without the server. Whoever has other columns,
expectations or disks will find other figures; `make bench` tells.

`make bench` writes `benchmarks/results/figures.json` and `figures.md`, and `make docs` copies the latter here.

"""
    ledger = """
## The ledger

`python -m benchmarks.ledger --keep` fills a ledger with events as runs write them, and verifies it in whole and from a
checkpoint ([operate](../how-to/operate.md)).

"""
    results = PROJECT / "benchmarks" / "results"
    return _NOTE + head + (results / "figures.md").read_text() + ledger + (results / "ledger.md").read_text()


def main(folder: Path) -> None:
    """Write every page below `folder`."""
    for name, page in pages().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
