"""Writes the reference page of suites and expectations from the tables that the validation itself uses."""

from __future__ import annotations

from dataclasses import fields

from extracts.extraction.validation_release import Facts
from extracts.extraction.validation_rules import RULES, RuleKind
from extracts.extraction.validation_source import SourceFacts
from extracts.extraction.validation_suite import ColumnGroup

_HEAD = """<!-- Written by `make docs`; do not edit. -->

# Expectations

Two files say in Great Expectations' own names what must hold; the rest is made from the signed plan and the contract.

- **Source validation** runs before anything is built, on the agreement's own view, as the agreement's own role. Its
  rules are those of `expectations/<dataset>/source.yaml`, and promises of the contract that the finished file cannot
  show.
- **Release validation** runs on the finished clear file, before it is encrypted. Its rules are those of
  `expectations/release.yaml`, and what is made from the plan and the contract.

A failed check stops the run, and so does one that could not be run. A rule about a column that the agreement does not
read is listed as *does not apply*. Reports hold counts and names of columns, never a value.

## A suite file

```yaml
suite: source of benefit_cap
version: 1.0.0                    # raise it when a rule changes; reports and manifests name it
expectations:
  - type: expect_column_values_to_be_between
    kwargs: {column: children, min_value: 1, max_value: 20}
    reason: >-
      A household with an impossible number of children is not one that this payment is for.
  - type: unexpected_rows_expectation
    kwargs:
      unexpected_rows_query: SELECT 1 AS found FROM {batch} WHERE award < 0
    says: nobody is paid less than nothing
    reason: A sign was lost in the load.
```

| field | meaning |
|---|---|
| `type` | one of the expectations below |
| `kwargs` | its arguments |
| `reason` | the harm that the rule prevents; never missing, or nobody could say later whether the rule may go |
| `says` | the rule in plain words, for the report; needed where there is a pattern or a query |
| `of` | `rows` (if nothing is said), or `facts`: counts and ages of the run |
| `columns` | instead of the argument `column`: for each column of a kind; the only way in `release.yaml` |

An unknown field, expectation, argument, column or fact is refused when the file is read, with its line and what is
allowed.
"""
_QUERIES = """
Patterns are found anywhere in a value unless they say `^` and `$`. They are read by DuckDB (RE2) or by PostgreSQL, so
write what both understand. A query selects the rows that are wrong `FROM {batch}`; they are counted, never fetched.
Braces other than `{batch}` are doubled.
"""
_MADE = """
## What is made from plan and contract

Of the finished file:

- columns: exactly the planned ones, in order, with their types;
- rows: the number that was built, within the plan's `min_rows` and `max_rows` (all files together too), and within
  `change_percent` of the previous delivery;
- the key, if it is delivered whole, is different in every row;
- columns that the contract requires have a value;
- allowed values, ranges and quality rules of the contract, for columns delivered as they are;
- every treated column has the form that its treatment gives;
- the source was loaded at most `max_age_hours` before it was read, and read at most so long ago.

Of the source, in the rows that this delivery will be made from:

- the source was loaded at most `max_age_hours` ago;
- allowed values, ranges and quality rules of the contract, for columns that a treatment changes;
- the key, if it is not delivered whole but can be read;
- columns of persons that are not delivered have a value, for holds are found by them.

How the run ends: *stopped by a control* if a quality rule or a limit fails, *source late* if nothing but an age does.
"""
_WORDS = {"mostly": "", "or_equal": "", "value_set": "one of `value_set`", "range": "between both ends, included"}


def expectations_reference() -> str:
    """The page, as `docs/reference/expectations.md`."""
    return "".join(
        (
            _HEAD,
            "\n## Expectations that may be used\n\n| expectation | arguments | says |\n|---|---|---|\n",
            *(_rule(kind) for kind in RULES.values()),
            _QUERIES,
            "\n## Kinds of columns\n\n",
            ", ".join(f"`{g.value}`" for g in ColumnGroup),
            "\n\n## Facts\n\n| suite | facts |\n|---|---|\n",
            f"| `source.yaml` | {_names(SourceFacts)} |\n| `release.yaml` | {_names(Facts)} |\n",
            _MADE,
        )
    )


def _rule(kind: RuleKind) -> str:
    needed = [f"`{n}`" for n in kind.required]
    more = [f"[`{n}`]" for n in kind.optional]
    words = {**{n: f"`{n}`" for n in kind.arguments}, **_WORDS}
    return f"| `{kind.type}` | {' '.join(needed + more)} | {kind.sentence.format_map(words)} |\n"


def _names(facts: type) -> str:
    return ", ".join(f"`{f.name}`" for f in fields(facts))
