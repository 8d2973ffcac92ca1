"""The quality report of one run: a page that stands alone, for people who decide, not for engineers alone.

Rules:
1. One file: styles inside, no script, no font, image or address of another host. It can be mailed, printed, archived.
2. The verdict comes first, then what stops the run, then every check. Nothing is said by colour alone.
3. Everything that is written is escaped, and it holds what the reports hold: names of columns and counts, no values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from extracts.extraction.values import CheckResult, Funnel, Report

_HEAD = """<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="quiet">Quality report: what was checked before anything was allowed to leave.</p>
"""
_FOOT = """<footer>
<p>This page holds counts and names of columns, and no person's data. Nothing on it was loaded from elsewhere.</p>
</footer>
</main>
</body>
</html>
"""


def render_report(
    title: str,
    facts: Mapping[str, str],
    reports: Sequence[Report],
    funnels: Mapping[str, Funnel] | None = None,
) -> str:
    """The page as HTML text. `facts`: label to text, shown in this order; `funnels`: by dataset."""
    style = (files("extracts.extraction") / "report.css").read_text(encoding="utf-8")
    parts = [
        _HEAD.format(title=escape(title), style=style),
        _verdict(reports),
        _facts(facts),
        *(_funnel(name, funnel) for name, funnel in (funnels or {}).items()),
        *(_report(report) for report in reports),
        _FOOT,
    ]
    return "".join(parts)


def _verdict(reports: Sequence[Report]) -> str:
    stopping = [c for r in reports for c in r.stopping]
    made = sum(not c.not_applicable for r in reports for c in r.checks)
    if reports and all(r.passed for r in reports):
        return (
            '<div class="verdict passed"><p class="word">&#10003; Passed</p>'
            f"<p>All {made:,} checks ran and passed.</p></div>\n"
        )
    items = "".join(f"<li><strong>{escape(c.target)}</strong> {escape(c.name)}: {_found(c)}</li>" for c in stopping)
    said = f"{len(stopping):,} of {made:,} checks" if stopping else "No check was made, which"
    return (
        '<div class="verdict stopped"><p class="word">&#10007; Stopped: nothing leaves</p>'
        f"<p>{said} stopped this run.</p><ul>{items}</ul></div>\n"
    )


def _facts(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    items = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    return f'<h2>The run</h2>\n<dl class="facts">{items}</dl>\n'


def _funnel(dataset: str, funnel: Funnel) -> str:
    steps = (
        ("In the source", funnel.source, ""),
        ("Not asked for (conditions, period)", funnel.filtered, " gone"),
        ("On hold or restricted", funnel.held, " gone"),
        ("Withheld (safe address, small groups)", funnel.withheld, " gone"),
        ("In the extract", funnel.delivered, ""),
    )
    rows = "".join(_step(words, number, funnel.source, kind) for words, number, kind in steps)
    return (
        f"<h2>From source to delivery: {escape(dataset)}</h2>\n"
        '<div class="table" tabindex="0" role="region" aria-label="Rows from source to delivery">'
        '<table class="funnel"><caption>Rows, counted in one snapshot of the source. '
        "Source = not asked for + on hold + withheld + in the extract.</caption>"
        '<thead><tr><th scope="col">Step</th><th scope="col" class="number">Rows</th>'
        '<th scope="col" class="number" colspan="2">Share of the source</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>\n"
    )


def _step(words: str, number: int, source: int, kind: str) -> str:
    share = 100 * number / source if source else 0
    bar = f'<span class="bar{kind}" style="width:{share:.2f}%"></span>' if number else ""
    return (
        f'<tr><th scope="row">{words}</th><td class="number">{number:,}</td>'
        f'<td class="number">{_percent(share, number)}</td><td class="bars" aria-hidden="true">{bar}</td></tr>'
    )


def _percent(share: float, number: int) -> str:
    return "under 0.1 %" if number and share < 0.1 else f"{share:.1f} %"


def _report(report: Report) -> str:
    digest = f'<br><span class="mono">{escape(report.suite_digest)}</span>' if report.suite_digest else ""
    targets = dict.fromkeys(c.target for c in report.checks)
    groups = "".join(_group(t, [c for c in report.checks if c.target == t]) for t in targets)
    return (
        f"<h2>{escape(report.title)}</h2>\n"
        f'<p class="quiet">Rules: {escape(report.suite)}{digest}</p>\n'
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(report.title)}">'
        f'<table class="checks"><caption>{_counted(report)}</caption>'
        '<thead><tr><th scope="col">Result</th><th scope="col">Must hold</th>'
        '<th scope="col">Found</th><th scope="col">Prevents</th></tr></thead>'
        f"{groups}</table></div>\n"
    )


def _group(target: str, checks: Sequence[CheckResult]) -> str:
    """All checks of one column, or of one file as a whole, under its name."""
    dataset, _, columns = target.partition(".")
    words = (
        f"{escape(columns)} <span>in {escape(dataset)}</span>"
        if columns
        else f"{escape(dataset)} <span>as a whole</span>"
    )
    rows = "".join(_row(c) for c in checks)
    return f'<tbody><tr class="group"><th colspan="4" scope="rowgroup">{words}</th></tr>\n{rows}</tbody>\n'


def _counted(report: Report) -> str:
    words = [_result(c)[1] for c in report.checks]
    kinds = ("Failed", "Not checked", "Passed", "Does not apply")
    return "; ".join(f"{words.count(k):,} {k.lower()}" for k in kinds if k in words) or "No checks"


def _row(check: CheckResult) -> str:
    kind, word, sign = _result(check)
    mark = f' class="{kind}"' if kind in ("fail", "unsure") else ""
    return (
        f'<tr{mark}><td><span class="result {kind}">{sign} {word}</span></td><td>{escape(check.name)}</td>'
        f'<td>{_found(check)}</td><td class="quiet">{escape(check.harm)}</td></tr>\n'
    )


def _found(check: CheckResult) -> str:
    if check.not_applicable:
        return escape(check.not_applicable)
    return escape(f"not checked: {check.not_checked}" if check.not_checked else check.detail or "failed")


def _result(check: CheckResult) -> tuple[str, str, str]:
    """Style, word and sign."""
    if check.not_applicable:
        return "none", "Does not apply", "&ndash;"
    if check.not_checked:
        return "unsure", "Not checked", "?"
    return ("pass", "Passed", "&#10003;") if check.passed else ("fail", "Failed", "&#10007;")
