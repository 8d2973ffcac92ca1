"""What each treatment does to a column, in words that a privacy officer can check. One table; docs come from it.

Rules:
1. A treatment has a version: a change of what it does is a new version, and old approvals no longer cover it.
2. Blank identifiers become null before they are pseudonymised: else all blanks would share one pseudonym.
3. Nulls stay null; `present` alone turns them into false.

`extraction` compiles these to SQL; the before and after here are also the first test of each.
"""

from __future__ import annotations

from dataclasses import dataclass

from extracts.catalogue.contract import ColumnType

PSEUDONYM_LENGTH = 32
PSEUDONYM_PATTERN = f"[0-9a-f]{{{PSEUDONYM_LENGTH}}}"

_TEXT = (ColumnType.STRING,)
_DATES = (ColumnType.DATE, ColumnType.TIMESTAMP)
_NUMBERS = (ColumnType.INTEGER, ColumnType.DECIMAL)
_ANY = tuple(ColumnType)


@dataclass(frozen=True)
class Treatment:
    """One treatment. `parameters` names what must be given; `result` is the delivered type, None means unchanged.

    `plain` is the sentence that explanations use; `{parameters}` are filled in. `before` and `after` show one value.
    `suffix` ends the delivered column's name where the values are no longer what the source's name says.
    """

    name: str
    version: int
    plain: str
    accepts: tuple[ColumnType, ...]
    result: ColumnType | None
    before: str
    after: str
    parameters: tuple[str, ...] = ()
    example_parameters: tuple[str, ...] = ()
    suffix: str = ""

    @property
    def reference(self) -> str:
        """`name@version`, as plans write it."""
        return f"{self.name}@{self.version}"


_TABLE = (
    Treatment("keep", 1, "delivered as it is", _ANY, None, "Fife", "Fife"),
    Treatment(
        "pseudonymise",
        1,
        "replaced by a pseudonym (AES-256-CMAC under a key of this agreement alone, 32 hex characters)",
        _TEXT,
        ColumnType.STRING,
        "QQ123456C",
        "1f0c8e6f2b7d4a5c9e3b8d7a6f5e4c3b",
        suffix="_pseudonym",
    ),
    Treatment("year", 1, "only the year", _DATES, ColumnType.INTEGER, "1987-06-05", "1987", suffix="_year"),
    Treatment(
        "month", 1, "only the year and month", _DATES, ColumnType.STRING, "1987-06-05", "1987-06", suffix="_month"
    ),
    Treatment(
        "quarter",
        1,
        "only the year and quarter",
        _DATES,
        ColumnType.STRING,
        "1987-06-05",
        "1987-Q2",
        suffix="_quarter",
    ),
    Treatment(
        "age_band",
        1,
        "age in years on the snapshot's date, in bands of {width}",
        (ColumnType.DATE,),
        ColumnType.STRING,
        "1987-06-05",
        "30-39",
        ("width",),
        ("10",),
        "_age_band",
    ),
    Treatment(
        "postcode_area",
        1,
        "only the postcode area (letters before the first digit)",
        _TEXT,
        ColumnType.STRING,
        "KY1 1AB",
        "KY",
        suffix="_area",
    ),
    Treatment(
        "postcode_district",
        1,
        "only the postcode district (the part before the space)",
        _TEXT,
        ColumnType.STRING,
        "KY1 1AB",
        "KY1",
        suffix="_district",
    ),
    Treatment(
        "postcode_sector",
        1,
        "only the postcode sector (all but the last two letters)",
        _TEXT,
        ColumnType.STRING,
        "KY1 1AB",
        "KY1 1",
        suffix="_sector",
    ),
    Treatment("council", 1, "only the council's code", _TEXT, ColumnType.STRING, "S12000047", "S12000047"),
    Treatment("round", 1, "rounded to the nearest {to}", _NUMBERS, None, "1234", "1230", ("to",), ("10",)),
    Treatment(
        "band",
        1,
        "only the band it falls in, with limits {limits}",
        _NUMBERS,
        ColumnType.STRING,
        "1234",
        "1000-<2000",
        ("limits",),
        ("0", "1000", "2000"),
        "_band",
    ),
    Treatment("top_code", 1, "values above {at} become {at}", _NUMBERS, None, "9000", "5000", ("at",), ("5000",)),
    Treatment(
        "present", 1, "only whether there is a value", _ANY, ColumnType.BOOLEAN, "QQ123456C", "true", suffix="_present"
    ),
)

TREATMENTS: dict[str, Treatment] = {t.name: t for t in _TABLE}

# Treatment -> (pattern of the whole value, in words): a value of another form was not treated as two people signed.
TREATED_FORMS: dict[str, tuple[str, str]] = {
    "pseudonymise": (PSEUDONYM_PATTERN, "a pseudonym: 32 hex characters"),
    "month": (r"\d{4}-(0[1-9]|1[0-2])", "a month, such as 2026-11"),
    "quarter": (r"\d{4}-Q[1-4]", "a quarter, such as 2026-Q4"),
    "postcode_area": (r"[A-Z]{1,2}", "a postcode area, such as KY"),
    "postcode_district": (r"[A-Z]{1,2}\d[A-Z\d]?", "a postcode district, such as KY1"),
    "postcode_sector": (r"[A-Z]{1,2}\d[A-Z\d]? \d", "a postcode sector, such as KY1 1"),
    "council": (r"[A-Z]\d{8}", "a council's code, such as S12000047"),
}


def treatment(name: str) -> Treatment | None:
    """The treatment of this name, or None."""
    return TREATMENTS.get(name)
