"""4. Suites: what people may write in `source.yaml` and `release.yaml`, and how a mistake is told: file, line, allowed.

expectations:
  - type: expect_column_values_to_be_between     Great Expectations' own name
    kwargs: {column: children, min_value: 1}     and its own arguments
    reason: An impossible household.             the harm that the rule prevents; never missing
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.catalogue.contract import ColumnType, QualityRule
from extracts.catalogue.odcs import load_datasets
from extracts.documents import parse
from extracts.errors import InvalidDocument
from extracts.extraction.validation import read_release_suite, read_source_suite
from extracts.extraction.validation_check import rule_check
from extracts.extraction.validation_rules import RULES, argument_problems, sentence
from extracts.extraction.validation_suite import Scope, Suite, check_contract_rules, suite_from_document
from extracts.extraction.values import CheckKind
from tests.support.builders import a_dataset
from tests.support.finished import RELEASE_SUITE

ROOT = Path(__file__).parents[2]
SCOPE = Scope(("claim_id", "award", "children"), ("source_age_hours", "source_rows"))


def suite_of(rules: str, version: str = "1.0.0") -> Suite:
    text = f"suite: a suite\nversion: {version}\nexpectations:\n{rules}"
    return suite_from_document(parse(text.encode(), "source.yaml"), SCOPE)


def refused(rules: str) -> list[tuple[int | None, str, str, tuple[str, ...]]]:
    with pytest.raises(InvalidDocument) as error:
        suite_of(rules)
    assert error.value.source == "source.yaml"
    return [(p.line, p.field, p.message, p.allowed) for p in error.value.problems]


GOOD = """  - type: expect_column_values_to_not_be_null
    kwargs: {column: award}
    reason: A promised amount.
"""


def test_a_rule_is_great_expectations_own_name_and_arguments_with_a_reason() -> None:
    (entry,) = suite_of(GOOD).rules
    assert entry.rule.expectation == "expect_column_values_to_not_be_null"
    assert entry.rule.arguments == {"column": "award"}
    assert entry.rule.reason == "A promised amount."


def test_the_suites_of_this_repository_can_be_read() -> None:
    assert read_release_suite(RELEASE_SUITE).rules
    for name, dataset in load_datasets(ROOT / "expectations", ROOT / "sql").items():
        assert read_source_suite(ROOT / "expectations" / name / "source.yaml", dataset).rules
        check_contract_rules(dataset)


@pytest.mark.parametrize(
    ("rules", "line", "field", "message", "allowed"),
    [
        (
            GOOD.replace("not_be_null", "not_be_nul"),
            4,
            "expectations.0.type",
            "no expectation has this name",
            "expect_column_values_to_not_be_null",
        ),
        (GOOD.replace("award", "awards"), 5, "expectations.0.kwargs.column", "no declared column", "award"),
        (GOOD.replace("{column", "{colunm"), 5, "expectations.0.kwargs.colunm", "no such argument", "column"),
        (GOOD.replace("    reason", "    raeson"), 6, "expectations.0.raeson", "no field has this name", "reason"),
        (GOOD.replace("    reason: A promised amount.\n", ""), 4, "expectations.0.reason", "is missing", ""),
        (GOOD.replace("A promised amount.", "''"), 6, "expectations.0.reason", "is empty", ""),
        (GOOD.replace("award}", "award, mostly: 1.5}"), 5, "expectations.0.kwargs.mostly", "a share above 0", ""),
        (GOOD.replace("award}", "award, mostly: 0}"), 5, "expectations.0.kwargs.mostly", "a share above 0", ""),
        (GOOD.replace("{column: award}", "{}"), 5, "expectations.0.kwargs.column", "is missing", ""),
        (GOOD.replace("    kwargs", "    of: fact\n    kwargs"), 5, "expectations.0.of", "'fact' is not", "facts"),
        (
            GOOD.replace("    kwargs", "    of: facts\n    kwargs"),
            6,
            "expectations.0.kwargs.column",
            "no declared column",
            "source_age_hours",
        ),
        (
            GOOD.replace("    kwargs", "    columns: every text\n    kwargs"),
            5,
            "expectations.0.columns",
            "keep one of them",
            "",
        ),
        (
            GOOD.replace("    kwargs", "    columns: every word\n    kwargs"),
            5,
            "expectations.0.columns",
            "'every word' is not one of the words",
            "every text",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(
    rules: str, line: int, field: str, message: str, allowed: str
) -> None:
    found = refused(rules)
    fault = next(f for f in found if f[1] == field)
    assert fault[0] == line
    assert message in fault[2]
    assert not allowed or allowed in fault[3]


def test_every_mistake_is_told_not_only_the_first() -> None:
    both = GOOD.replace("award", "awards") + GOOD.replace("not_be_null", "be_nulls")
    assert len(refused(both)) == 2


def test_a_field_given_twice_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="the same field twice"):
        suite_of(GOOD + "    reason: Another reason.\n")


def test_a_suite_without_rules_is_refused() -> None:
    text = b"suite: a suite\nversion: 1.0.0\nexpectations: []\n"
    with pytest.raises(InvalidDocument, match="a suite without rules checks nothing"):
        suite_from_document(parse(text, "source.yaml"), SCOPE)


def test_a_range_must_have_an_end() -> None:
    rules = GOOD.replace("to_not_be_null", "to_be_between")
    assert refused(rules)[0][2] == "needs min_value or max_value"


def test_a_pattern_must_say_itself_in_plain_words() -> None:
    rules = GOOD.replace("to_not_be_null", "to_match_regex").replace("award}", "award, regex: '^[A-Z]'}")
    assert "needs `says`" in refused(rules)[0][2]
    assert suite_of(rules + "    says: starts with a letter\n").rules[0].says == "starts with a letter"


@pytest.mark.parametrize("query", ["DELETE FROM {batch}", "SELECT 1", "SELECT 1 FROM claims"])
def test_a_query_only_selects_and_only_from_the_batch(query: str) -> None:
    rule = "  - type: unexpected_rows_expectation\n    reason: A test.\n"
    rules = f"{rule}    kwargs: {{unexpected_rows_query: '{query}'}}\n"
    assert "starts with SELECT" in refused(rules)[0][2]


def test_a_rule_of_release_yaml_cannot_name_a_column_but_holds_for_a_kind() -> None:
    release = Scope((), ("source_rows",))
    document = parse(f"suite: release\nversion: 1.0.0\nexpectations:\n{GOOD}".encode(), "release.yaml")
    with pytest.raises(InvalidDocument, match="say `columns: every"):
        suite_from_document(document, release)
    columns = {
        "claim_pseudonym": (ColumnType.STRING, "pseudonymise"),
        "award": (ColumnType.DECIMAL, "keep"),
        "children": (ColumnType.INTEGER, "keep"),
        "born": (ColumnType.DATE, "keep"),
        "updated_at": (ColumnType.TIMESTAMP, "keep"),
        "sex": (ColumnType.STRING, "keep"),
    }
    groups = {
        "every column": list(columns),
        "every text": ["claim_pseudonym", "sex"],
        "every untreated text": ["sex"],
        "every number": ["award", "children"],
        "every date": ["born"],
        "every timestamp": ["updated_at"],
        "every pseudonym": ["claim_pseudonym"],
    }
    for group, names in groups.items():
        rules = GOOD.replace("kwargs: {column: award}", f"columns: {group}")
        (entry,) = suite_of(rules).rules
        assert [r.arguments["column"] for r in entry.on(columns)] == names


def test_layout_and_comments_leave_the_digest_as_it_was_and_any_rule_changes_it() -> None:
    first = suite_of(GOOD)
    assert (
        suite_of("  # a comment\n" + GOOD.replace("{column: award}", "\n      column: 'award'")).digest == first.digest
    )
    others = (GOOD.replace("award", "children"), GOOD.replace("award}", "award, mostly: 0.9}"), GOOD + GOOD)
    digests = {first.digest, suite_of(GOOD, "1.0.1").digest, *(suite_of(o).digest for o in others)}
    assert len(digests) == 5


def test_a_rule_about_an_age_is_about_being_late() -> None:
    rule = QualityRule("expect_column_values_to_be_between", {"column": "source_age_hours", "max_value": 36}, "")
    assert rule_check(rule, "benefit_cap", "facts").kind is CheckKind.FRESHNESS
    assert rule_check(rule, "benefit_cap", "rows").kind is CheckKind.QUALITY


@pytest.mark.parametrize(
    ("expectation", "arguments", "words"),
    [
        ("expect_column_values_to_not_be_null", {"mostly": "0.95"}, "has a value in at least 95 % of rows"),
        ("expect_column_values_to_be_in_set", {"value_set": ["F", "M"]}, "is one of F, M"),
        ("expect_column_values_to_be_between", {"min_value": 0, "max_value": 1000}, "is between 0 and 1,000"),
        ("expect_column_values_to_be_between", {"min_value": "1900-01-01"}, "is at least 1900-01-01"),
        ("expect_table_row_count_to_be_between", {"max_value": 5000}, "the number of rows is at most 5,000"),
        (
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": "started_on", "column_B": "born", "or_equal": True},
            "started_on is above or equal to born",
        ),
    ],
)
def test_a_rule_says_itself_in_plain_words(expectation: str, arguments: dict[str, object], words: str) -> None:
    assert sentence(RULES[expectation], {"column": "award", **arguments}) == words


def test_a_contracts_rules_are_checked_like_those_of_a_suite() -> None:
    from dataclasses import replace

    rule = QualityRule("expect_column_values_to_not_be_null", {"column": "ninno"}, "A test.")
    with pytest.raises(InvalidDocument, match=r"quality\.1\.column: no declared column") as error:
        check_contract_rules(replace(a_dataset(), quality=(rule,)))
    assert "nino" in error.value.problems[0].allowed


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    expectation=st.sampled_from(sorted(RULES)),
    arguments=st.dictionaries(
        st.sampled_from(["column", "value_set", "mostly", "min_value", "max_value", "regex", "column_list", "x"]),
        ANYTHING,
        max_size=4,
    ),
)
def test_whatever_is_written_is_either_a_rule_that_can_be_said_or_told_as_a_fault(
    expectation: str, arguments: dict[str, object]
) -> None:
    if not argument_problems(RULES[expectation], arguments):
        assert sentence(RULES[expectation], arguments)
        rule_check(QualityRule(expectation, arguments, "A test."), "dataset")
