"""Chapter 1, what exists: a contract says what a dataset promises; whatever makes no sense is refused, with its line.

A contract is an Open Data Contract Standard document. What the standard has no field for is a custom property.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extracts.canonical import digest_file
from extracts.catalogue.contract import Classification, ColumnType, Dataset, Identifiability, Identifier, PeriodKind
from extracts.catalogue.odcs import load_dataset, load_datasets
from extracts.catalogue.treatments import TREATMENTS
from extracts.errors import InvalidDocument

ROOT = Path(__file__).parents[2]
VIEW = "CREATE VIEW curated.visit AS SELECT nino::text AS nino FROM dwp.visit;"
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: dwp.visit
name: visit
version: 1.2.0
status: active
description:
  purpose: Who came to which office.
servers:
  - server: sample
    type: custom
team:
  members:
    - username: owner@dwp.example
      role: Information Asset Owner
slaProperties:
  - {property: latency, value: 2, unit: d}
customProperties:
  - {property: title, value: Visits}
  - {property: controller, value: dwp}
  - {property: loadTables, value: [visit]}
  - {property: persons, value: [nino]}
  - {property: periodKind, value: event}
  - {property: periodColumn, value: came_on}
  - {property: restrictedColumn, value: restricted}
  - {property: safeAddressColumn, value: safe_address}
  - {property: authoritativeFor, value: [visits]}
  - {property: coverage, value: [S92000003]}
  - {property: notAuthoritativeFor, value: {earnings: HMRC}}
schema:
  - name: visit
    physicalName: curated.visit
    dataGranularityDescription: one row per person and day
    properties:
      - name: nino
        logicalType: string
        physicalType: text
        description: National Insurance number.
        classification: personal
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        customProperties:
          - {property: identifier, value: direct}
          - {property: identifierKind, value: nino}
          - {property: treatments, value: {identified: [keep], pseudonymised: [pseudonymise]}}
        quality:
          - type: custom
            engine: greatExpectations
            description: Nobody is matched by another form.
            implementation:
              type: expect_column_values_to_match_regex
              kwargs: {regex: '^[A-Z]{2}[0-9]{6}[A-D]?$', mostly: 0.99}
      - name: came_on
        logicalType: date
        physicalType: date
        description: Day of the visit.
        classification: personal
        required: true
        primaryKey: true
        primaryKeyPosition: 2
        logicalTypeOptions: {minimum: '2020-01-01'}
        customProperties:
          - {property: treatments, value: {identified: [keep, month], pseudonymised: [month]}}
      - name: fare
        logicalType: number
        physicalType: numeric(6,2)
        description: Fare paid back.
        classification: personal
        logicalTypeOptions: {minimum: 0, maximum: 100}
        customProperties:
          - {property: unit, value: GBP}
          - {property: treatments, value: {identified: [keep]}}
      - name: how
        logicalType: string
        physicalType: text
        description: How they came.
        classification: personal
        enum:
          - {value: bus}
          - {value: train}
        customProperties:
          - {property: treatments, value: {identified: [keep], pseudonymised: [keep]}}
      - name: note
        logicalType: string
        physicalType: text
        description: What was said.
        classification: free text
        customProperties:
          - {property: treatments, value: {}}
      - name: restricted
        logicalType: boolean
        physicalType: boolean
        description: Never leaves.
        classification: control
        required: true
        customProperties:
          - {property: treatments, value: {}}
      - name: safe_address
        logicalType: boolean
        physicalType: boolean
        description: Address not to be known.
        classification: control
        required: true
        customProperties:
          - {property: treatments, value: {}}
"""


def load(folder: Path, contract: str = CONTRACT, view: str = VIEW) -> Dataset:
    """The dataset `visit` of these two texts."""
    (folder / "expectations" / "visit").mkdir(parents=True)
    (folder / "sql" / "visit").mkdir(parents=True)
    (folder / "expectations" / "visit" / "contract.yaml").write_text(contract)
    (folder / "sql" / "visit" / "view.sql").write_text(view)
    return load_datasets(folder / "expectations", folder / "sql")["visit"]


def changed(old: str, new: str) -> str:
    assert old in CONTRACT, old
    return CONTRACT.replace(old, new, 1)


def a_history() -> str:
    """The contract, of visits that last from one day until another, which may be open."""
    left = (
        "      - name: left_on\n        logicalType: date\n        physicalType: date\n"
        "        description: Last day of the visit.\n        classification: personal\n"
        "        customProperties:\n          - {property: treatments, value: {identified: [keep]}}\n"
    )
    kind = "value: history}\n  - {property: periodEndColumn, value: left_on}"
    return changed("value: event}", kind).replace("      - name: fare\n", f"{left}      - name: fare\n")


# --- what a contract says -------------------------------------------------------------------------------------------


def test_a_contract_says_who_answers_for_a_dataset_and_what_it_is_good_for(tmp_path: Path) -> None:
    visit = load(tmp_path)
    assert (visit.name, visit.version, visit.major_version, visit.title) == ("visit", "1.2.0", 1, "Visits")
    assert (visit.system, visit.relation, visit.controller) == ("sample", "curated.visit", "dwp")
    assert visit.owner == "owner@dwp.example"
    assert visit.description == "Who came to which office. One row: one row per person and day."
    assert visit.authoritative_for == ("visits",)
    assert visit.not_authoritative_for == {"earnings": "HMRC"}


def test_a_contract_says_how_fresh_it_is_what_tells_rows_apart_and_to_which_period_they_belong(tmp_path: Path) -> None:
    visit = load(tmp_path)
    assert (visit.load_tables, visit.max_age_hours) == (("visit",), 48)
    assert visit.key == ("nino", "came_on")
    assert (visit.period_kind, visit.period_column) == (PeriodKind.EVENT, "came_on")
    assert (visit.persons, visit.subject) == (("nino",), "nino")
    assert (visit.restricted_column, visit.safe_address_column) == ("restricted", "safe_address")


def test_a_history_has_two_dates_of_which_the_latter_may_be_open(tmp_path: Path) -> None:
    visit = load(tmp_path, a_history())
    found = (visit.period_kind, visit.period_column, visit.period_end_column)
    assert found == (PeriodKind.HISTORY, "came_on", "left_on")


def test_each_column_has_type_unit_meaning_class_and_the_treatments_that_satisfy_each_identifiability(
    tmp_path: Path,
) -> None:
    nino, came_on, fare, how, note, *_ = load(tmp_path).columns
    assert (nino.identifier, nino.identifier_kind, nino.nullable) == (Identifier.DIRECT, "nino", False)
    assert nino.treatments == {
        Identifiability.IDENTIFIED: ("keep",),
        Identifiability.PSEUDONYMISED: ("pseudonymise",),
    }
    assert (came_on.type, came_on.minimum, came_on.maximum) == (ColumnType.DATE, "2020-01-01", "")
    assert (fare.type, fare.precision, fare.scale, fare.unit) == (ColumnType.DECIMAL, 6, 2, "GBP")
    assert (fare.minimum, fare.maximum, fare.nullable) == ("0", "100", True)
    assert how.allowed_values == ("bus", "train")
    assert (note.classification, note.treatments) == (Classification.FREE_TEXT, {})


def test_a_standing_rule_is_great_expectations_own_with_the_harm_that_it_prevents(tmp_path: Path) -> None:
    (rule,) = load(tmp_path).quality
    assert rule.expectation == "expect_column_values_to_match_regex"
    assert rule.arguments == {"column": "nino", "regex": "^[A-Z]{2}[0-9]{6}[A-D]?$", "mostly": "0.99"}
    assert rule.reason == "Nobody is matched by another form."


def test_a_contract_that_was_edited_is_read_afresh(tmp_path: Path) -> None:
    assert load(tmp_path).version == "1.2.0"
    (tmp_path / "expectations" / "visit" / "contract.yaml").write_text(changed("version: 1.2.0", "version: 1.2.1"))
    assert load_datasets(tmp_path / "expectations", tmp_path / "sql")["visit"].version == "1.2.1"


def test_the_contracts_digest_is_of_the_files_bytes_and_without_a_lock_no_deployed_view_is_covered(
    tmp_path: Path,
) -> None:
    visit = load(tmp_path)
    assert visit.contract_digest == digest_file(tmp_path / "expectations" / "visit" / "contract.yaml")
    assert visit.deployed_view_digest == ""


# --- what is refused ------------------------------------------------------------------------------------------------

NOT_YAML = (
    ("name: visit\n", "name: visit\nname: visit\n", r"line 5, name: the same field twice"),
    ("purpose: Who came", "purpose: &who Who came", r"line 8, description.purpose: anchors"),
    ("version: 1.2.0", "version: 012", r"line 5, version: '012' is ambiguous"),
)
NOT_THE_STANDARD = (
    ("status: active", "stauts: active", r"line 6, stauts: no field of the standard"),
    ("apiVersion: v3.2.0", "apiVersion: v2.2.2", r"line 1, apiVersion: is not version 3"),
    ("apiVersion: v3.2.0", "apiVersion: v9", r"line 1, apiVersion: is not one of .*Allowed: v3.2.0"),
    ("id: dwp.visit\n", "", r"'id' is missing"),
    ("logicalType: number", "logicalType: money", r"logicalType: is not one of .*Allowed: string, date, .*number"),
    (
        "value: [visit]}",
        "value: [visit], colour: red}",
        r"line 21, customProperties.2.colour: no field of",
    ),
    ("required: true", "required: 'true'", r"line 40, .*required: is not of the type"),
)
NOT_OURS = (
    ("property: title", "property: titel", r"line 19, customProperties.titel: no field has this name"),
    ("property: unit", "property: units", r"customProperties.units: no field has this name.*unit"),
    ("  - {property: title, value: Visits}\n", "", r"customProperties.title: is missing"),
    ("property: controller", "property: title", r"customProperties.1: title is given twice"),
    ("value: event", "value: monthly", r"periodKind: 'monthly' is not one of the words.*event, as at now, history"),
    ("classification: free text", "classification: secret", r"classification: 'secret' is not one .*Allowed: official"),
    ("property: treatments, value: {}", "property: identifier, value: none", r"treatments: is missing"),
    ("version: 1.2.0", "version: '1.2'", r"line 5, version: does not have the right shape"),
    ("engine: greatExpectations", "engine: soda", r"quality.0: must be of type custom, for the engine greatExp"),
    ("            description: Nobody is matched by another form.\n", "", r"quality.0.description: is missing"),
)
NO_SENSE = (
    ("name: visit", "name: visits", r"line 4, name: is not the name of its folder, visit"),
    ("  - name: visit", "  - name: call", r"line 31, schema.0.name: is not the contract's name, visit"),
    ("- name: fare", "- name: nino", r"nino is declared twice"),
    ("role: Information Asset Owner", "role: Reader", r"must name one person with the role 'Information Asset Owner'"),
    ("unit: d", "unit: fortnights", r"slaProperties: must have one `latency`.*Allowed: h, d"),
    ("value: 2, unit: d", "value: 0, unit: d", r"slaProperties: must have one `latency`"),
    ("primaryKeyPosition: 2", "primaryKeyPosition: 3", r"primaryKeyPosition must count from 1 to 2"),
    (
        "required: true\n        primaryKey",
        "required: false\n        primaryKey",
        r"nino is part of the key, so it must be",
    ),
    ("value: [nino]}", "value: [ninno]}", r"line 22, .*persons: 'ninno' is not a column Allowed: nino, came_on"),
    ("value: [nino]}", "value: [nino, how]}", r"persons: must be direct identifiers"),
    ("value: [nino]}", "value: [nino, how]}", r"persons: must be of one identifierKind"),
    ("value: [nino]}", "value: [how]}", r"how says whom a row is about, so it must be required"),
    ("  - {property: periodColumn, value: came_on}\n", "", r"periodKind: 'event' needs a periodColumn"),
    ("value: event", "value: as at now", r"periodColumn: makes no sense for a dataset of kind 'as at now'"),
    ("value: came_on", "value: gone_on", r"periodColumn: 'gone_on' is not a column Allowed: nino, came_on"),
    (
        "property: periodKind",
        "property: partitionColumn, value: week}\n  - {property: periodKind",
        r"'week' is not a column",
    ),
    ("value: came_on", "value: how", r"periodColumn: how must be a date"),
    ("value: event", "value: history", r"periodKind: 'history' needs a periodEndColumn"),
    (
        "  - {property: periodColumn",
        "  - {property: loadStamp, value: newest file}\n  - {property: periodColumn",
        r"loadStamp: makes sense for a folder of Parquet files only",
    ),
    (
        "property: periodColumn",
        "property: periodEndColumn, value: came_on}\n  - {property: periodColumn",
        r"periodEndColumn: makes no sense for a dataset of kind 'event'",
    ),
    (
        "value: event}\n  - {property: periodColumn",
        "value: history}\n  - {property: periodEndColumn, value: came_on}\n  - {property: periodColumn",
        r"periodEndColumn: must be another column than periodColumn",
    ),
    (
        "value: event}\n  - {property: periodColumn",
        "value: history}\n  - {property: periodEndColumn, value: how}\n  - {property: periodColumn",
        r"periodEndColumn: how must be a date",
    ),
    ("value: restricted}", "value: how}", r"restrictedColumn: how must be classified as control"),
    ("value: restricted}", "value: how}", r"restrictedColumn: how must be boolean"),
    ("value: safe_address}", "value: safe}", r"safeAddressColumn: 'safe' is not a column"),
    ("physicalType: numeric(6,2)", "physicalType: numeric", r"physicalType: is not a type .*Allowed: text"),
    ("physicalType: numeric(6,2)", "physicalType: double precision", r"physicalType: is not a type"),
    ("logicalType: number", "logicalType: integer", r"logicalType: does not fit numeric\(6,2\) Allowed: number"),
    ("          - {property: identifierKind, value: nino}\n", "", r"identifierKind belongs to every direct identifier"),
    ("{property: unit, value: GBP}", "{property: identifierKind, value: GBP}", r"identifierKind belongs to"),
    ("identified: [keep, month]", "identified: [keep, monthly]", r"'monthly' does not fit .*Allowed: keep, year"),
    ("pseudonymised: [month]", "pseudonymised: [postcode_area]", r"'postcode_area' does not fit this column"),
    ("pseudonymised: [pseudonymise]", "pseudonymised: [keep]", r"'keep' .*Allowed: pseudonymise, present"),
    ("pseudonymised: [month]", "aggregated: [month]", r"aggregated: is not offered yet"),
    ("minimum: '2020-01-01'", "minimum: '2020-13-01'", r"minimum: is not a date that a range can end with"),
    ("logicalTypeOptions: {minimum: 0, maximum: 100}", "enum: [{value: '1'}]", r"enum: can be given for text only"),
    ("kwargs: {regex", "kwargs: {column: fare, regex", r"kwargs.column: is this column; leave it out"),
)


@pytest.mark.parametrize(("old", "new", "said"), NOT_YAML + NOT_THE_STANDARD + NOT_OURS + NO_SENSE)
def test_what_is_wrong_is_refused_with_its_line_its_field_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(InvalidDocument) as refused:
        load(tmp_path, changed(old, new))
    words = [str(p) for p in refused.value.problems]
    assert any(re.search(said, w) for w in words), words
    assert refused.value.source.endswith("contract.yaml")


def test_a_contract_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument, match=r"have no primaryKey: rows could not be told apart"):
        load(tmp_path, re.sub(r" +primaryKey.*\n", "", CONTRACT))


@pytest.mark.parametrize("classification", ["free text", "financial account", "control"])
def test_what_never_leaves_can_have_no_treatment(tmp_path: Path, classification: str) -> None:
    contract = changed("classification: personal\n        enum", f"classification: {classification}\n        enum")
    with pytest.raises(InvalidDocument, match=f"{classification} never leaves"):
        load(tmp_path, contract)


def test_an_address_can_be_kept_only_where_people_are_identified_anyway(tmp_path: Path) -> None:
    contract = changed("classification: personal\n        enum", "classification: address\n        enum")
    with pytest.raises(InvalidDocument, match=r"pseudonymised: 'keep' does not fit this column"):
        load(tmp_path, contract)
    load(tmp_path / "coarser", contract.replace("pseudonymised: [keep]", "pseudonymised: [postcode_area]"))


def test_a_date_of_a_persons_life_is_kept_in_no_pseudonymised_row(tmp_path: Path) -> None:
    kept = changed("pseudonymised: [month]", "pseudonymised: [keep]")
    load(tmp_path / "an event", kept)
    line = "          - {property: treatments, value: {identified: [keep, month]"
    quasi = kept.replace(line, "          - {property: identifier, value: quasi}\n" + line)
    assert quasi != kept
    with pytest.raises(InvalidDocument, match=r"pseudonymised: 'keep' does not fit this column"):
        load(tmp_path / "a life", quasi)


def test_every_fault_is_told_at_once_and_of_every_file(tmp_path: Path) -> None:
    for name in ("visit", "call"):
        (tmp_path / "expectations" / name).mkdir(parents=True)
        (tmp_path / "expectations" / name / "contract.yaml").write_text(
            changed("property: unit", "property: units").replace("property: title", "property: titel")
        )
    with pytest.raises(InvalidDocument) as refused:
        load_datasets(tmp_path / "expectations", tmp_path / "sql")
    told = [(Path(p.field.split(":")[0]).parent.name, p.field.rpartition(".")[2]) for p in refused.value.problems]
    assert {t for t in told if t[1] in ("units", "titel")} == {
        (name, field) for name in ("visit", "call") for field in ("units", "titel")
    }


VIEWS = {
    "another view": ("CREATE VIEW curated.call AS SELECT 1 AS x;", r"does not create curated\.visit"),
    "no view": ("SELECT 1;", r"creates 0 views; it must create one"),
    "two views": (VIEW + VIEW, r"creates 2 views"),
    "no SQL": ("CREATE VIEW curated.visit AS SELEC 1;", r"is not SQL that PostgreSQL understands"),
}


@pytest.mark.parametrize(("view", "said"), VIEWS.values(), ids=VIEWS)
def test_the_view_beside_a_contract_must_be_the_one_it_names(tmp_path: Path, view: str, said: str) -> None:
    with pytest.raises(InvalidDocument, match=said):
        load(tmp_path, CONTRACT, view)


def test_a_contract_without_a_view_is_refused(tmp_path: Path) -> None:
    load(tmp_path)
    with pytest.raises(InvalidDocument, match=r"view\.sql.*cannot be read"):
        load_dataset(tmp_path / "expectations" / "visit" / "contract.yaml", tmp_path / "nowhere" / "view.sql")


# --- the sample's contracts -----------------------------------------------------------------------------------------

SAMPLES = load_datasets(ROOT / "expectations", ROOT / "sql")
EVERY_SAMPLE = pytest.mark.parametrize("dataset", SAMPLES.values(), ids=lambda d: d.name)


@EVERY_SAMPLE
def test_earnings_are_to_be_asked_of_hmrc(dataset: Dataset) -> None:
    assert dataset.not_authoritative_for["earnings"] == "HMRC"


@EVERY_SAMPLE
def test_every_sample_says_everything_a_request_is_judged_by(dataset: Dataset) -> None:
    assert dataset.owner.endswith("@dwp.example")
    assert 0 < dataset.max_age_hours <= 48
    assert dataset.quality
    for column in dataset.columns:
        assert len(column.meaning) > 10, column.name
        assert column.unit or column.type not in (ColumnType.DECIMAL, ColumnType.INTEGER), column.name


@EVERY_SAMPLE
def test_pseudonymised_rows_hold_no_name_number_address_or_exact_date_of_a_person(dataset: Dataset) -> None:
    for column in dataset.columns:
        allowed = column.treatments.get(Identifiability.PSEUDONYMISED, ())
        if column.identifier is Identifier.DIRECT or column.classification is Classification.ADDRESS:
            assert "keep" not in allowed, column.name
        if column.type in (ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.DECIMAL):
            assert "keep" not in allowed, f"{column.name}: exact values link two extracts"


@EVERY_SAMPLE
def test_free_text_bank_details_and_markers_have_no_treatment_at_all(dataset: Dataset) -> None:
    never = {c.name for c in dataset.columns if not c.treatments}
    expected = {
        "scottish_child_payment": {"restricted", "safe_address"},
        "benefit_cap": {"restricted", "safe_address", "journal_note"},
        "pension_credit_award": {"restricted", "safe_address", "sort_code", "account_number"},
    }
    assert never == expected[dataset.name]


def test_every_treatment_that_a_contract_may_name_exists() -> None:
    named = {t for d in SAMPLES.values() for c in d.columns for ts in c.treatments.values() for t in ts}
    assert named <= set(TREATMENTS)


# --- whatever else is in the file -----------------------------------------------------------------------------------

LINES = CONTRACT.splitlines()
JUNK = ("[]", "{}", "-1", "null", "true", "'; DROP TABLE dwp.person; --'", "[[1], {a: b}]", "\u202eevil")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(LINES) - 1), st.sampled_from(("", *JUNK)))
def test_no_line_can_be_lost_or_replaced_so_that_anything_but_a_fault_is_told(number: int, junk: str) -> None:
    """Never a stack trace from a library, never a half-read dataset."""
    lines = list(LINES)
    field, colon, _ = lines[number].partition(": ")
    lines[number] = f"{field}: {junk}" if junk and colon else ""
    with TemporaryDirectory() as folder:
        try:
            found = load(Path(folder), "\n".join(lines))
        except InvalidDocument:
            return
    assert found.columns
    assert found.persons == ("nino",)
