"""A DAG's documentation, in Markdown, for a forum member who opens it in Airflow.

Text from an agreement is data: `markdown` makes harmless what Markdown or HTML would act on, so that nobody can write a
link or a heading into the page by way of a request.
"""

from __future__ import annotations

from collections.abc import Iterable

from extracts.agreement.explanation import markdown
from extracts.scheduling.story import OUTCOMES, DatasetStory, Story


def agreement_markdown(story: Story) -> str:
    """The documentation of an agreement's DAG."""
    parts = [
        f"**{markdown(story.lead)}**",
        _table(("Question", "Answer"), story.facts),
        *(_dataset(dataset) for dataset in story.datasets),
        _list("Within which limits", story.limits),
        _list("What is checked before anything leaves", story.checks),
        "### What a run's outcome means",
        _table(("Outcome", "Meaning"), ((outcome.value, meaning) for outcome, meaning in OUTCOMES)),
        "The tasks are checks, read from first to last: each must pass before the next begins, and `record_outcome` "
        "says how it ended. The outcome is the run's note.",
    ]
    return "\n\n".join(parts) + "\n"


def broken_markdown(file_name: str, reason: str) -> str:
    """The documentation of the DAG that stands for a file which is no agreement."""
    return (
        f"**The published agreement {markdown(file_name)} cannot be read, so nothing runs for it.**\n\n"
        f"{markdown(reason)}\n\nOther agreements are not affected. This DAG has no schedule; its only task fails and "
        "repeats the reason.\n"
    )


def _dataset(dataset: DatasetStory) -> str:
    columns = ((c.name, c.meaning, c.kind, c.delivered) for c in dataset.columns)
    return "\n\n".join(
        [
            _list(f"What is shared: {dataset.title}", dataset.rows),
            _table(("Column", "Meaning", "Kind of data", "How it is delivered"), columns),
        ]
    )


def _list(heading: str, lines: Iterable[str]) -> str:
    return f"### {markdown(heading)}\n\n" + "\n".join(f"- {markdown(line)}" for line in lines)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    ruled = [_line(heads), _line(tuple("---" for _ in heads))]
    return "\n".join(ruled + [_line(tuple(markdown(cell) for cell in row)) for row in rows])


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
