"""The synthetic source: made in the database, the same every time, and as untidy as a real one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
import pytest

from extracts.documents import read
from extracts.errors import NotFound, TechnicalFailure, UsageError
from extracts.local.postgres import EmbeddedPostgres
from extracts.local.processes import wait_until
from extracts.local.sample import create_sample
from tests.support.postgres import Database, temporary_database

ROOT = Path(__file__).parents[2]
SQL = ROOT / "sql"
AS_OF = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TABLES = (
    "person",
    "universal_credit_claim",
    "claim_child",
    "universal_credit_assessment_period",
    "pension_credit_award",
    "journal_message",
    "hold",
    "load_stamp",
)
SAMPLE_DIGEST = (
    "SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM dwp.{} AS t"  # order of rows does not count
)


def fill(database: Database, people: int = 5000, as_of: datetime = AS_OF, **more: object) -> dict[str, int]:
    return create_sample(database.conninfo(), SQL, as_of=as_of, people=people, **more)  # type: ignore[arg-type]


def digests(database: Database) -> dict[str, str]:
    with database.connect() as connection:
        connection.execute("SET timezone = 'UTC'")  # or times would be printed in the zone of whoever asks
        return {t: connection.execute(SAMPLE_DIGEST.format(t).encode()).fetchall()[0][0] for t in TABLES}


@pytest.fixture(scope="module")
def source(module_database: Database) -> Database:
    """5,000 people; tests only read it."""
    fill(module_database)
    return module_database


@pytest.fixture
def other(pg: EmbeddedPostgres) -> Iterator[Database]:
    with temporary_database(pg) as fresh:
        yield fresh


def one(source: Database, query: str) -> object:
    return source.rows(query)[0][0]


# --- the same every time --------------------------------------------------------------------------------------------


def test_the_same_seed_and_time_give_identical_rows_in_another_database_and_time_zone(
    source: Database, other: Database
) -> None:
    other.execute(f"ALTER DATABASE {other.name} SET timezone = 'Pacific/Auckland'")
    fill(other)
    assert digests(other) == digests(source)


def test_another_seed_gives_other_people(source: Database, other: Database) -> None:
    fill(other, seed=7)
    assert {t for t, d in digests(other).items() if d == digests(source)[t]} <= {"load_stamp"}


def test_a_person_does_not_depend_on_how_many_others_there_are(source: Database, other: Database) -> None:
    fill(other, people=2000)
    query = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} AS t WHERE {}"
    for table, whose in (("dwp.person", "person_id <= 2000"), ("dwp.pension_credit_award", "person_id <= 2000")):
        assert one(other, query.format(table, whose)) == one(source, query.format(table, whose))


def test_a_month_later_the_same_people_have_one_assessment_period_more(source: Database, other: Database) -> None:
    fill(other, as_of=datetime(2026, 12, 23, 9, 0, tzinfo=UTC))
    who = "SELECT md5(string_agg(nino || forenames || surname || date_of_birth, '' ORDER BY nino)) FROM dwp.person"
    assert one(other, who) == one(source, who)
    claims = "SELECT claim_reference, latest_period_id FROM dwp.universal_credit_claim WHERE closed_on IS NULL"
    before, after = dict(source.rows(claims)), dict(other.rows(claims))
    kept = [c for c in before if c in after and before[c]]
    assert len(kept) > 0.9 * len(before)
    assert {after[c] - before[c] for c in kept} == {1}


def test_filling_again_replaces_the_rows_and_keeps_what_was_made_for_agreements(other: Database) -> None:
    fill(other, people=300)
    other.execute("CREATE VIEW extract_views.kept AS SELECT nino FROM curated.pension_credit_award")
    counts = fill(other, people=200)
    assert counts["person"] == 200
    assert one(other, "SELECT count(*) FROM dwp.person") == 200
    assert other.rows("SELECT count(*) FROM extract_views.kept")


# --- visibly fake, and like the real thing --------------------------------------------------------------------------


def test_every_nino_starts_with_qq_and_is_one_persons_alone(source: Database) -> None:
    ninos = [n for (n,) in source.rows("SELECT nino FROM dwp.person")]
    assert len(set(ninos)) == len(ninos) == 5000
    assert all(re.fullmatch(r"QQ[0-9]{6}[A-D]?", n) for n in ninos)
    assert len({n[:8] for n in ninos}) == 5000, "without the letter, some numbers would be ambiguous"


def test_ninos_stay_unique_up_to_26_million_people(source: Database) -> None:
    first = "SELECT count(DISTINCT left(sample.nino(n, 7, 0.006), 8)) FROM generate_series(1, 1000000) AS n"
    assert one(source, first) == 1_000_000
    further = (
        "SELECT count(DISTINCT left(sample.nino(n + m * 1000000, 7, 0.006), 8)), count(*), "
        "bool_and(sample.nino(n + m * 1000000, 7, 0) ~ '^Q[A-Z][0-9]{6}[A-D]$') "
        "FROM generate_series(1, 500) AS n, generate_series(0, 25) AS m"
    )
    assert source.rows(further) == [(13_000, 13_000, True)]


def test_all_32_councils_are_there_with_their_own_codes_in_plausible_proportions(source: Database) -> None:
    councils = source.rows(
        "SELECT c.code, c.name, c.people, count(p.person_id) FROM sample.council AS c "
        "LEFT JOIN dwp.person AS p ON p.council_code = c.code GROUP BY c.number ORDER BY c.code"
    )
    assert len(councils) == 32
    assert {c[1]: c[0] for c in councils}.items() >= {
        "Clackmannanshire": "S12000005",
        "Fife": "S12000047",
        "Perth and Kinross": "S12000048",
        "Glasgow City": "S12000049",
        "North Lanarkshire": "S12000050",
    }.items()
    everybody = sum(c[2] for c in councils)
    assert 54_000 < everybody < 55_000  # hundreds of residents
    for code, _, residents, people in councils:
        assert people > 0, code
        assert abs(people / 5000 - residents / everybody) < 0.02, code


def test_postcodes_lie_in_their_councils_area(source: Database) -> None:
    misplaced = (
        "SELECT count(*) FROM dwp.person AS p JOIN sample.council AS c ON c.code = p.council_code WHERE NOT EXISTS "
        "(SELECT FROM unnest(c.districts) AS d WHERE starts_with(p.postcode, c.area || d || ' ')) "
        "AND p.postcode IS NOT NULL"
    )
    assert one(source, misplaced) == 0
    assert one(source, r"SELECT bool_and(postcode ~ '^[A-Z]{1,2}\d{1,2} \d[A-Z]{2}$') FROM dwp.person") is True


def test_names_are_of_every_kind_that_breaks_software(source: Database) -> None:
    names = " ".join(f for row in source.rows("SELECT forenames, surname FROM dwp.person") for f in row)
    for kind in ("Mòrag", "O'Neill", "Łukasz", "Олена", "-", "de la Cruz"):
        assert kind in names
    assert one(source, "SELECT max(length(surname)) FROM dwp.person") > 50


def test_there_are_gaps_but_not_many(source: Database) -> None:
    for column, most in (("postcode", 0.03), ("uprn", 0.1), ("address", 0.01), ("council_code", 0.01)):
        share = one(source, f"SELECT avg(({column} IS NULL)::integer)::float FROM dwp.person")
        assert 0 < share < most, column  # type: ignore[operator]
    assert one(source, "SELECT count(*) FROM dwp.person WHERE length(nino) = 8") > 0


def test_ages_are_those_of_adults(source: Database) -> None:
    youngest, oldest, pensioners = source.rows(
        "SELECT min(age), max(age), avg((age >= 66)::integer)::float FROM "
        "(SELECT extract(year FROM age(date '2026-11-23', date_of_birth)) AS age FROM dwp.person) AS a"
    )[0]
    assert youngest >= 18
    assert oldest < 105
    assert 0.15 < pensioners < 0.35


def test_marked_people_are_rare_but_there(source: Database) -> None:
    for marker in ("safe_address", "restricted"):
        assert 0 < one(source, f"SELECT count(*) FROM dwp.person WHERE {marker}") < 50  # type: ignore[operator]


def test_nothing_but_a_nino_looks_like_one(source: Database) -> None:
    """Or a search for leaks would find claim references and house numbers."""
    shape = r"\m[A-Za-z]{2}\s*([0-9]\s*){6}[A-Da-d]?\M"
    for view, columns in (
        ("scottish_child_payment", "claim_id, child_id, address, postcode, uprn, forenames, surname, child_forenames"),
        ("benefit_cap", "claim_id, address, postcode, uprn, forenames, surname"),
        ("pension_credit_award", "address, postcode, forenames, surname, sort_code, account_number"),
    ):
        found = f"SELECT count(*) FROM curated.{view} WHERE concat_ws(' / ', {columns}) ~ '{shape}'"
        assert one(source, found) == 0, view


def test_journals_hold_what_must_never_leave(source: Database) -> None:
    texts = [t for (t,) in source.rows("SELECT message FROM dwp.journal_message")]
    assert any(re.search(r"QQ\d{6}", t) for t in texts)
    assert any("@" in t for t in texts)
    assert any("not safe at home" in t for t in texts)


# --- Universal Credit -----------------------------------------------------------------------------------------------


def test_assessment_periods_roll_from_the_claims_own_date_without_a_gap(source: Database) -> None:
    rows = source.rows(
        "SELECT c.started_on, p.starts_on, p.ends_on, p.ends_on + 1 = lead(p.starts_on) OVER w, "
        "lead(p.starts_on) OVER w "
        "FROM dwp.universal_credit_assessment_period AS p JOIN dwp.universal_credit_claim AS c USING (claim_id) "
        "WINDOW w AS (PARTITION BY p.claim_id ORDER BY p.starts_on)"
    )
    assert all(following is None or adjoining for *_, adjoining, following in rows)
    assert all(p.day == c.day or (c.day > 28 and p.day >= 28) for c, p, *_ in rows)
    assert {p.day for _, p, *_ in rows} == set(range(1, 32)), "periods begin on every day of the month"
    assert all(27 <= (e - s).days <= 30 and e < date(2026, 11, 23) for _, s, e, *_ in rows)


def test_an_award_adds_up_and_the_cap_takes_only_what_is_above_it(source: Database) -> None:
    wrong = (
        "SELECT count(*) FROM dwp.universal_credit_assessment_period WHERE award + cap_reduction <> greatest(0, "
        "standard_element + child_element + housing_element + carer_element - earnings_deduction) "
        "OR cap_reduction < 0 OR (cap_reduction > 0 AND award NOT IN (1229.42, 1835.00))"
    )
    assert one(source, wrong) == 0
    capped = one(source, "SELECT avg((cap_reduction > 0)::integer)::float FROM dwp.universal_credit_assessment_period")
    assert 0.02 < capped < 0.2  # type: ignore[operator]


def test_a_joint_claim_is_two_people_of_one_household(source: Database) -> None:
    singles, joints, apart, too_old = source.rows(
        "SELECT count(*) FILTER (WHERE b.person_id IS NULL), count(b.person_id), "
        "count(*) FILTER (WHERE b.person_id IS NOT NULL AND a.address IS DISTINCT FROM b.address), "
        "count(*) FILTER (WHERE least(a.date_of_birth, b.date_of_birth) <= date '1960-11-23') "
        "FROM dwp.universal_credit_claim AS c JOIN dwp.person AS a ON a.person_id = c.claimant_person_id "
        "LEFT JOIN dwp.person AS b ON b.person_id = c.partner_person_id"
    )[0]
    assert singles > 100
    assert joints > 100
    assert apart == 0
    assert too_old == 0, "somebody on Universal Credit is of pension age"
    assert (
        one(
            source,
            "SELECT count(*) FROM (SELECT claimant_person_id AS p FROM dwp.universal_credit_claim UNION ALL "
            "SELECT partner_person_id FROM dwp.universal_credit_claim) AS u WHERE p IS NOT NULL GROUP BY p "
            "ORDER BY 1 DESC LIMIT 1",
        )
        == 1
    ), "somebody is on two claims"


def test_children_are_counted_on_their_claim_and_younger_than_their_parents(source: Database) -> None:
    wrong = source.rows(
        "SELECT count(*) FILTER (WHERE c.children <> k.n), count(*) FILTER (WHERE k.eldest < p.date_of_birth + 6000) "
        "FROM dwp.universal_credit_claim AS c JOIN dwp.person AS p ON p.person_id = c.claimant_person_id CROSS JOIN "
        "LATERAL (SELECT count(*) AS n, min(date_of_birth) AS eldest FROM dwp.claim_child AS k "
        "WHERE k.claim_id = c.claim_id AND k.left_on IS NULL) AS k"
    )
    assert wrong == [(0, 0)]
    assert one(source, "SELECT count(*) FROM dwp.claim_child WHERE left_on IS NOT NULL") > 0


def test_a_claim_knows_its_latest_period_and_message(source: Database) -> None:
    for table, key, pointer, newest in (
        ("universal_credit_assessment_period", "period_id", "latest_period_id", "ends_on"),
        ("journal_message", "message_id", "latest_message_id", "sent_at"),
    ):
        wrong = (
            f"SELECT count(*) FROM dwp.universal_credit_claim AS c LEFT JOIN (SELECT DISTINCT ON (claim_id) claim_id, "
            f"{key} FROM dwp.{table} ORDER BY claim_id, {newest} DESC) AS t USING (claim_id) "
            f"WHERE c.{pointer} IS DISTINCT FROM t.{key}"
        )
        assert one(source, wrong) == 0, table


# --- Pension Credit, holds, stamps ----------------------------------------------------------------------------------


def test_pension_credit_is_paid_to_people_of_pension_age_once(source: Database) -> None:
    assert one(source, "SELECT max(date_of_birth) FROM curated.pension_credit_award") <= date(1960, 11, 23)  # type: ignore[operator]
    assert one(source, "SELECT count(*) - count(DISTINCT nino) FROM curated.pension_credit_award") == 0
    assert {t for (t,) in source.rows("SELECT DISTINCT award_type FROM curated.pension_credit_award")} == {
        "guarantee",
        "savings",
        "both",
    }
    assert one(source, "SELECT count(*) FROM dwp.pension_credit_award WHERE ended_on IS NOT NULL") > 0


def test_the_hold_list_has_every_scope_and_effect_and_ended_ones_have_none(source: Database) -> None:
    in_force = {tuple(r) for r in source.rows("SELECT split_part(scope, ':', 1), effect FROM curated.hold")}
    assert in_force == {
        ("all", "leave out"),
        ("gateway", "leave out"),
        ("gateway", "stop and ask"),
        ("agreement", "leave out"),
        ("agreement", "stop and ask"),
    }
    assert one(source, "SELECT count(*) FROM dwp.hold WHERE ended_at IS NOT NULL") > 0
    assert one(source, "SELECT count(*) FROM curated.hold") == one(
        source, "SELECT count(*) FROM dwp.hold WHERE ended_at IS NULL"
    )
    assert one(source, "SELECT max(n) FROM (SELECT count(*) AS n FROM curated.hold GROUP BY person) AS h") == 2


def test_no_hold_stops_a_sample_agreement(source: Database) -> None:
    requests = [read(p).value for p in sorted((ROOT / "examples" / "requests").glob("*.yaml"))]
    scopes = {"all"} | {f"agreement:{r['request_id']}" for r in requests}
    scopes |= {f"gateway:{r['legal']['gateway']}" for r in requests}
    assert len(scopes) > 4
    stopping = {s for (s,) in source.rows("SELECT scope FROM curated.hold WHERE effect = 'stop and ask'")}
    assert stopping
    assert not stopping & scopes


def test_a_hold_and_its_declared_count_change_together(other: Database) -> None:
    fill(other, people=200)
    declared = "SELECT row_count, loaded_at FROM curated.load_stamp WHERE table_name = 'hold'"
    before = other.rows(declared)[0][0]
    new = one(
        other, "SELECT dwp.record_hold('QQ000001A', 'all', 'leave out', 'court order', timestamptz '2026-11-23T10:00Z')"
    )
    assert other.rows(declared) == [(before + 1, datetime(2026, 11, 23, 10, 0, tzinfo=UTC))]
    assert ("QQ000001A",) in other.rows("SELECT person FROM curated.hold")
    for _ in range(2):  # ending it twice equals once
        other.execute(f"SELECT dwp.end_hold({new}, timestamptz '2026-11-23T11:00Z')")
    assert other.rows(declared) == [(before, datetime(2026, 11, 23, 11, 0, tzinfo=UTC))]
    assert ("QQ000001A",) not in other.rows("SELECT person FROM curated.hold")


def test_every_table_has_a_load_stamp_with_its_count_and_says_when_each_row_changed(source: Database) -> None:
    stamps = {name: (at, rows) for name, at, rows in source.rows("SELECT * FROM curated.load_stamp")}
    assert set(stamps) == set(TABLES) - {"load_stamp"}
    for table, (at, rows) in stamps.items():
        assert at == AS_OF
        in_force = " WHERE ended_at IS NULL" if table == "hold" else ""
        assert one(source, f"SELECT count(*) FROM dwp.{table}{in_force}") == rows, table
        latest = one(source, f"SELECT max(updated_at) FROM dwp.{table}")
        assert isinstance(latest, datetime)
        assert latest <= AS_OF, table


# --- what is asked for wrongly --------------------------------------------------------------------------------------


def test_rates_can_be_changed_by_name_and_a_slip_is_refused(other: Database) -> None:
    fill(other, people=400, rates={"universal_credit": 1, "cap_level": 0.1, "cap_exempt": 0, "restricted": 0})
    share = one(other, "SELECT avg((cap_reduction > 0)::integer)::float FROM dwp.universal_credit_assessment_period")
    assert share > 0.5  # type: ignore[operator]
    assert one(other, "SELECT count(*) FROM dwp.person WHERE restricted") == 0
    with pytest.raises(UsageError, match=r"no rate is called cap_levle.*Rates: .*cap_level"):
        fill(other, people=400, rates={"cap_levle": 0.1})


@pytest.mark.parametrize("people", [0, 26_000_001])
def test_a_number_of_people_that_cannot_be_made_is_refused(other: Database, people: int) -> None:
    with pytest.raises(UsageError, match="between 1 and 26000000 people"):
        fill(other, people=people)


def test_a_time_without_a_zone_is_refused(other: Database) -> None:
    with pytest.raises(UsageError, match="zone"):
        fill(other, as_of=datetime(2026, 11, 23))


def test_a_folder_without_the_sample_is_refused(other: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not hold the sample source"):
        create_sample(other.conninfo(), tmp_path, as_of=AS_OF)


def test_a_database_that_does_not_answer_is_a_technical_failure_without_a_credential() -> None:
    with pytest.raises(TechnicalFailure) as failure:
        create_sample("host=127.0.0.1 port=1 user=postgres password=hunter2", SQL, as_of=AS_OF)
    assert "hunter2" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_progress_is_told_table_by_table(other: Database) -> None:
    told: list[str] = []
    fill(other, people=100, progress=told.append)
    assert told[0] == "person: 100 rows"
    assert len(told) == len(TABLES) - 1


@pytest.mark.slow
def test_a_quarter_of_a_million_people_are_made_in_a_quarter_of_a_minute(pg: EmbeddedPostgres, other: Database) -> None:
    """In processor time of the server and all that it started, or a busy machine would decide."""
    server = psutil.Process(pg.pid())

    def spent() -> float:
        times = server.cpu_times()
        return times.children_user + times.children_system  # of those that have ended, as this session's will have

    before = spent()
    assert fill(other, people=250_000)["person"] == 250_000
    assert wait_until(lambda: spent() > before + 1, 30)
    assert spent() - before < 15
