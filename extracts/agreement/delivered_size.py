"""About how large a delivery will be, from what a delivered value takes in a compressed file. A guess, told as one.

Calibrated on deliveries of the sample source. Sorted, repetitive columns take less; encryption adds next to nothing.
"""

from __future__ import annotations

from extracts.agreement.request import Request
from extracts.agreement.suppression import SafeCount
from extracts.catalogue.contract import Column, ColumnType, Dataset, Identifier
from extracts.catalogue.treatments import TREATMENTS

_BYTES = {
    ColumnType.STRING: 1.0,
    ColumnType.INTEGER: 1.0,
    ColumnType.DECIMAL: 3.0,
    ColumnType.DATE: 2.0,
    ColumnType.TIMESTAMP: 5.0,
    ColumnType.BOOLEAN: 0.1,
}
_PSEUDONYM, _DIRECT = 16.0, 4.0


def expected_bytes(request: Request, source: Dataset, rows: SafeCount) -> int | None:
    """Bytes of one delivery of this dataset, to two figures; None where there are too few rows to tell."""
    if rows.value is None:
        return None
    asked = [c for d in request.datasets if d.dataset == source.name for c in d.columns]
    known = [(column, c.treatment.name) for c in asked if (column := source.column(c.name))]
    guess = round(rows.value * sum(_width(column, treatment) for column, treatment in known))
    figures = max(0, len(str(guess)) - 2)
    return int(round(guess, -figures))


def _width(column: Column, treatment: str) -> float:
    if treatment == "pseudonymise":
        return _PSEUDONYM
    if column.identifier is Identifier.DIRECT and treatment == "keep":
        return _DIRECT
    return _BYTES[TREATMENTS[treatment].result or column.type]
