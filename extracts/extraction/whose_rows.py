"""Proves of one recipient's finished file that every row in it is theirs, where there are several recipients.

Rules:
1. Where the column that divides is delivered as it is, each row is looked at: a value has one recipient at most, so a
   row whose value is theirs can be in no other file.
2. Where it is not, the file cannot show it. Then the rows are as many as the source counted to be theirs, in the very
   snapshot (`rows add up`), and the check says so.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from extracts.agreement.plan import Division, PlannedDataset
from extracts.extraction.values import CheckResult, ExtractFile

_ROWS = 65_536
_HARM = "A body gets data about people who are another's."


def whose_rows(division: Division, recipient: str, planned: PlannedDataset, file: ExtractFile) -> CheckResult:
    """Whether every row of `recipient`'s file is theirs by the division. Whatever the file's library raises."""
    name = f"every row is {recipient}'s"
    if not any(c.name == c.source == division.column and c.treatment_name == "keep" for c in planned.columns):
        said = f"{division.column} is not delivered; rows are as many as the source counted for {recipient}"
        return CheckResult(name, file.dataset, True, not_applicable=said, harm=_HARM)
    values = next(s.values for s in division.shares if s.recipient == recipient)
    wrong = _others(file, division.column, values)
    detail = f"{wrong:,} rows are another's" if wrong else f"by their {division.column}"
    return CheckResult(name, f"{file.dataset}.{division.column}", wrong == 0, detail, harm=_HARM)


def _others(file: ExtractFile, column: str, values: tuple[str, ...]) -> int:
    theirs, found = pa.array(values, pa.string()), 0
    with parquet.ParquetFile(file.path, pre_buffer=False) as opened:
        for batch in opened.iter_batches(_ROWS, columns=[column]):
            found += batch.num_rows - (pc.sum(pc.is_in(batch.column(0), theirs)).as_py() or 0)
    return found
