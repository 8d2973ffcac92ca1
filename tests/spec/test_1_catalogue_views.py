"""Chapter 1, what exists: a curated view counts by its meaning, and changes only with its contract's version."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.catalogue.locked_view import ViewLock, locks_text, read_locks, with_lock
from extracts.catalogue.view import view_digest, view_name, viewdef_digest
from extracts.errors import InvalidDocument, SourceChanged
from tests.support.builders import A_DIGEST, ANOTHER_DIGEST, a_dataset

ROOT = Path(__file__).parents[2]
VIEW = """
CREATE VIEW curated.visit AS
SELECT v.nino::text AS nino, v.fare::numeric(6, 2) AS fare
FROM dwp.visit AS v
LEFT JOIN dwp.office AS o ON o.id = v.office_id
WHERE v.kind IN ('a', 'b') AND v.came_on > '2020-01-01';
"""

THE_SAME = {
    "comments": VIEW.replace("FROM", "-- who came\nFROM").replace("v.fare", "/* pounds */ v.fare"),
    "layout": " ".join(VIEW.split()),
    "case of keywords": VIEW.replace("SELECT", "select").replace("LEFT JOIN", "left join").replace("AS", "as"),
    "case of names without quotes": VIEW.replace("dwp.visit", "DWP.Visit"),
    "names in quotes": VIEW.replace("dwp.visit", '"dwp"."visit"'),
    "the noise word outer": VIEW.replace("LEFT JOIN", "LEFT OUTER JOIN"),
    "or replace": VIEW.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"),
    "statements beside it": VIEW + "COMMENT ON VIEW curated.visit IS 'Visits.';",
}
ANOTHER = {
    "a column left out": VIEW.replace(", v.fare::numeric(6, 2) AS fare", ""),
    "a column renamed": VIEW.replace("AS fare", "AS cost"),
    "columns in another order": VIEW.replace("v.nino::text AS nino, ", "").replace(
        "AS fare", "AS fare, v.nino::text AS nino"
    ),
    "another cast": VIEW.replace("numeric(6, 2)", "numeric(7, 2)"),
    "no cast": VIEW.replace("v.nino::text", "v.nino"),
    "another table": VIEW.replace("dwp.visit", "dwp.call"),
    "another schema": VIEW.replace("dwp.visit", "public.visit"),
    "another kind of join": VIEW.replace("LEFT JOIN", "INNER JOIN"),
    "another join condition": VIEW.replace("o.id = v.office_id", "o.id = v.old_office_id"),
    "another value": VIEW.replace("'b'", "'B'"),
    "another date": VIEW.replace("2020-01-01", "2020-01-02"),
    "one condition less": VIEW.replace(" AND v.came_on > '2020-01-01'", ""),
    "another name": VIEW.replace("curated.visit", "curated.visits"),
    "an option": VIEW.replace("curated.visit AS", "curated.visit WITH (security_barrier) AS"),
    "DISTINCT": VIEW.replace("SELECT", "SELECT DISTINCT"),
}


@pytest.mark.parametrize("text", THE_SAME.values(), ids=THE_SAME)
def test_what_does_not_change_the_meaning_does_not_change_the_digest(text: str) -> None:
    assert text != VIEW
    assert view_digest(text) == view_digest(VIEW)


@pytest.mark.parametrize("text", ANOTHER.values(), ids=ANOTHER)
def test_what_changes_the_meaning_changes_the_digest(text: str) -> None:
    assert text != VIEW
    assert view_digest(text) != view_digest(VIEW)


def test_no_two_of_these_views_have_the_same_digest() -> None:
    assert len({view_digest(t) for t in ANOTHER.values()}) == len(ANOTHER)


SPACES = st.text(alphabet=" \n\t", min_size=1, max_size=5)
COMMENTS = st.text(alphabet=st.characters(exclude_characters="*/\x00", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(SPACES, COMMENTS), min_size=len(VIEW.split()), max_size=len(VIEW.split())))
def test_spaces_and_comments_anywhere_between_two_words_never_count(fillings: list[tuple[str, str]]) -> None:
    words = (f"{word}{space}/*{comment}*/ " for word, (space, comment) in zip(VIEW.split(), fillings, strict=True))
    assert view_digest("".join(words)) == view_digest(VIEW)


@given(st.text(alphabet=st.characters(exclude_characters="'\x00\\", exclude_categories=["Cs"]), max_size=12))
def test_every_other_text_in_a_condition_counts(value: str) -> None:
    edited = VIEW.replace("'a'", f"'{value}'")
    assert (view_digest(edited) == view_digest(VIEW)) == (value == "a")


def test_what_a_database_prints_is_digested_alike() -> None:
    printed = "SELECT v.nino,\n    v.fare\n   FROM dwp.visit v\n  WHERE v.kind = ANY (ARRAY['a'::text, 'b'::text]);"
    assert viewdef_digest(printed) == viewdef_digest(" ".join(printed.split()).rstrip(";"))
    assert viewdef_digest(printed) != viewdef_digest(printed.replace("'b'", "'c'"))


def test_a_views_name_has_its_schema() -> None:
    assert view_name(VIEW) == "curated.visit"


@pytest.mark.parametrize("text", ["", "SELECT 1", VIEW + VIEW, "CREATE VIEW x AS SELEC 1"])
def test_a_text_that_is_not_one_view_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument, match=r"view\.sql: sql: "):
        view_digest(text)


@pytest.mark.parametrize("more", ["DROP TABLE dwp.visit", "GRANT SELECT ON curated.visit TO PUBLIC", "SELECT 1"])
def test_a_views_file_does_nothing_else(more: str) -> None:
    with pytest.raises(InvalidDocument, match=r"does more than create a view.*Allowed: CREATE VIEW, COMMENT ON"):
        view_digest(f"{VIEW} {more};")


STRANGERS = {
    "a function": VIEW.replace("v.nino::text", "dwp.masked(v.nino)::text"),
    "a function in a condition": VIEW.replace("v.kind IN", "dwp.wanted(v.kind) AND v.kind IN"),
    "an operator": VIEW.replace("v.came_on >", "v.came_on OPERATOR(dwp.>)"),
    "a type": VIEW.replace("v.nino::text", "v.nino::dwp.code::text"),
}


@pytest.mark.parametrize("text", STRANGERS.values(), ids=STRANGERS)
def test_what_could_change_without_the_view_is_refused(text: str) -> None:
    assert text != VIEW
    with pytest.raises(InvalidDocument, match=r"uses dwp\..*, whose body could change unseen"):
        view_digest(text)
    with pytest.raises(InvalidDocument, match="whose body could change unseen"):
        viewdef_digest(text.partition(" AS\n")[2])


def test_what_postgresql_brings_along_is_used_by_either_name() -> None:
    view_digest(VIEW.replace("v.nino::text", "pg_catalog.upper(v.nino)::text"))
    view_digest(VIEW.replace("v.nino::text", "upper(v.nino)::pg_catalog.text"))


@pytest.mark.parametrize("text", ["", "SELECT 1; SELECT 2", "DROP TABLE x", "SELEC 1"])
def test_a_definition_that_is_not_one_select_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument, match="pg_get_viewdef"):
        viewdef_digest(text)


@pytest.mark.parametrize("name", ["scottish_child_payment", "pension_credit_award", "benefit_cap"])
def test_every_sample_view_casts_each_of_its_columns(name: str) -> None:
    """A view without casts changes type when a table below it does."""
    text = (ROOT / "sql" / name / "view.sql").read_text()
    chosen = text.partition("SELECT\n")[2].partition("\nFROM")[0].splitlines()
    columns = [line for line in chosen if " AS " in line and not line.strip().startswith("--")]
    assert len(columns) > 15
    assert all("::" in line for line in columns)


# --- the lock: before and after ---------------------------------------------------------------------------------------

CONTROLS = {"curated.hold": A_DIGEST, "curated.load_stamp": ANOTHER_DIGEST}
LOCK = ViewLock("1.0.0", A_DIGEST, A_DIGEST, CONTROLS)
NEXT = ViewLock("1.1.0", ANOTHER_DIGEST, A_DIGEST, CONTROLS)
#          version  view            locked before  becomes
LOCKING = (
    ("1.0.0", A_DIGEST, (), "added"),
    ("1.0.0", A_DIGEST, (LOCK,), "unchanged"),
    ("1.0.1", A_DIGEST, (LOCK,), "added"),
    ("1.0.1", ANOTHER_DIGEST, (LOCK,), "added"),
    ("2.0.0", ANOTHER_DIGEST, (LOCK, NEXT), "added"),
    ("1.0.0", ANOTHER_DIGEST, (LOCK,), "refused"),
    ("1.0.0", ANOTHER_DIGEST, (LOCK, NEXT), "refused"),
)  # fmt: skip


@pytest.mark.parametrize(("version", "view", "old", "becomes"), LOCKING)
def test_a_view_changes_only_with_its_contracts_version(
    version: str, view: str, old: tuple[ViewLock, ...], becomes: str
) -> None:
    dataset = a_dataset(version=version, view_digest=view)
    if becomes == "refused":
        with pytest.raises(SourceChanged, match=r"the view changed, but the contract's version is still 1\.0\.0"):
            with_lock(dataset, A_DIGEST, CONTROLS, old)
        return
    new = with_lock(dataset, A_DIGEST, CONTROLS, old)
    assert new[: len(old)] == old
    assert new[len(old) :] == ((ViewLock(version, view, A_DIGEST, CONTROLS),) if becomes == "added" else ())


def test_what_another_postgresql_prints_for_a_locked_view_is_locked_afresh() -> None:
    new = with_lock(a_dataset(view_digest=A_DIGEST), ANOTHER_DIGEST, CONTROLS, (LOCK, NEXT))
    assert new == (ViewLock("1.0.0", A_DIGEST, ANOTHER_DIGEST, CONTROLS), NEXT)


def test_another_hold_list_is_another_lock() -> None:
    edited = {**CONTROLS, "curated.hold": ANOTHER_DIGEST}
    assert with_lock(a_dataset(view_digest=A_DIGEST), A_DIGEST, edited, (LOCK,)) != (LOCK,)


def test_locks_are_read_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "view.lock.json").write_text(locks_text((LOCK, NEXT)))
    assert read_locks(tmp_path / "view.lock.json") == (LOCK, NEXT)
    assert read_locks(tmp_path / "none.json") == ()


@pytest.mark.parametrize(
    "text", ["", "{}x", '[{"version": "1.0.0"}]', "[1]", locks_text((LOCK,)).replace("version", "versoin")]
)
def test_locks_that_cannot_be_read_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "view.lock.json").write_text(text)
    allowed = "version, view_digest, deployed_digest, controls"
    with pytest.raises(InvalidDocument, match=rf"is not a list of .* Allowed: {allowed}"):
        read_locks(tmp_path / "view.lock.json")


def test_a_lock_without_the_control_relations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "view.lock.json").write_text(locks_text((LOCK,)).replace("curated.hold", "curated.halt"))
    with pytest.raises(InvalidDocument, match="are not the control relations"):
        read_locks(tmp_path / "view.lock.json")


def test_one_version_is_locked_once(tmp_path: Path) -> None:
    (tmp_path / "view.lock.json").write_text(locks_text((LOCK, LOCK)))
    with pytest.raises(InvalidDocument, match="a version twice"):
        read_locks(tmp_path / "view.lock.json")


LOCK_FILES = sorted((ROOT / "expectations").glob("*/view.lock.json"))


@pytest.mark.parametrize("path", LOCK_FILES, ids=lambda p: p.parent.name)
def test_no_locked_version_was_taken_away_or_given_another_view(path: Path) -> None:
    """Deleting the file and locking again would pass every other test; the file's own history does not forget."""
    now = {lock.version: lock.view_digest for lock in read_locks(path)}
    for text in earlier_texts(path):
        found = json.loads(text)
        # Before the list there was one lock, of a version that was still being written.
        for entry in found if isinstance(found, list) else ():
            assert now.get(entry["version"]) == entry["view_digest"], "a locked version keeps its view: raise it"


def earlier_texts(path: Path) -> list[str]:
    """The file as every commit left it; nothing where this is no clone with its history."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    name = path.relative_to(ROOT).as_posix()
    commits = git("log", "--format=%H", "--", name).split()
    return [text for commit in commits if (text := git("show", f"{commit}:{name}"))]
