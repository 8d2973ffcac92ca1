"""Types a whole request into the form, as people do: each control by its own path, nothing by the back door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playwright.sync_api import Locator, Page

# What a browser does when somebody types or chooses, without waiting for each letter to be painted.
_FILL = """(one, value) => {
    if (one.tagName === "DIV") {
        for (const word of value) one.querySelector(`input[value="${CSS.escape(word)}"]`).click();
        return;
    }
    const text = Array.isArray(value) ? value.join("\\n") : value;
    if (one.tagName === "SELECT" && ![...one.options].some(option => option.value === text)) throw new Error(text);
    one.value = text;
    for (const kind of ["input", "change"]) one.dispatchEvent(new Event(kind, { bubbles: true }));
}"""
_OPERATORS = ("equals", "in", "between", "before", "after", "is_null")


def type_request(page: Page, request: Mapping[str, Any]) -> None:
    """Every field of a request that is there; `datasets` last, since treatments depend on the form of the rows."""
    for name, value in request.items():
        if name != "datasets":
            _type(page, (name,), value)
    for number, dataset in enumerate(request["datasets"]):
        if number:
            _click(page.locator('[data-add="datasets"]'))
        _dataset(page, ("datasets", number), dataset)


def control(page: Page, path: Sequence[str | int]) -> Locator:
    """The control of a path."""
    return page.locator(f'[data-path="{".".join(map(str, path))}"]')


def _type(page: Page, path: tuple[str | int, ...], value: Any) -> None:
    if isinstance(value, Mapping):
        _add_if_needed(page, path)
        for name, inner in value.items():
            _type(page, (*path, name), inner)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        _items(page, path, value)
    elif value != []:
        _fill(control(page, path), value)


def _add_if_needed(page: Page, path: tuple[str | int, ...]) -> None:
    add = page.locator(f'[data-add="{".".join(map(str, path))}"]')
    if add.count():
        _click(add)


def _items(page: Page, path: tuple[str | int, ...], values: list[Any]) -> None:
    for number, value in enumerate(values):
        first = ".".join(map(str, (*path, number, next(iter(value)))))
        if not page.locator(f'[data-path="{first}"]').count():
            _click(page.locator(f'[data-add="{".".join(map(str, path))}"]'))
        for name, inner in value.items():
            _type(page, (*path, number, name), inner)


def _fill(where: Locator, value: Any) -> None:
    if isinstance(value, list):
        value = [str(one) for one in value]
    elif isinstance(value, bool):
        value = str(value).lower()
    where.evaluate(_FILL, value if isinstance(value, list) else str(value))


def _click(where: Locator) -> None:
    where.evaluate("one => one.click()")


def _dataset(page: Page, path: tuple[str | int, ...], dataset: Mapping[str, Any]) -> None:
    _fill(control(page, (*path, "dataset")), dataset["dataset"])
    for name in ("used_for", "address_reason", "safe_address"):
        if name in dataset:
            _fill(control(page, (*path, name)), dataset[name])
    for number, column in enumerate(dataset["columns"]):
        where = control(page, (*path, "columns"))
        _click(where.locator(f'[data-column="{column["name"]}"]'))
        _column(page, (*path, "columns", number), column)
    type_rows(page, path, dataset.get("rows", ()))


def type_rows(page: Page, path: tuple[str | int, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Conditions of a dataset that has none yet; `path` leads to the dataset."""
    for number, row in enumerate(rows):
        _click(page.locator(f'[data-add="{".".join(map(str, (*path, "rows")))}"]'))
        _row(page, (*path, "rows", number), row)


def _column(page: Page, path: tuple[str | int, ...], column: Mapping[str, Any]) -> None:
    treatment = column["treatment"]
    name, given = (treatment, None) if isinstance(treatment, str) else next(iter(treatment.items()))
    _fill(control(page, (*path, "treatment")), name)
    if given is not None:
        said = ", ".join(map(str, given)) if isinstance(given, list) else str(given)
        _fill(control(page, (*path, "treatment", name)), said)
    _fill(control(page, (*path, "justification")), column["justification"])
    if "filled_percent" in column:
        _fill(control(page, (*path, "filled_percent")), column["filled_percent"])


def _row(page: Page, path: tuple[str | int, ...], row: Mapping[str, Any]) -> None:
    _fill(control(page, (*path, "column")), row["column"])
    inner = row.get("not", row)
    operator = next(o for o in _OPERATORS if o in inner)
    if "not" in row:
        _click(page.locator(f'[data-not="{".".join(map(str, path))}"]'))
    _fill(control(page, (*path, "operator")), operator)
    if operator != "is_null":
        given = inner[operator]
        _fill(control(page, (*path, "value")), [str(v) for v in given] if isinstance(given, list) else given)
