"""The reference pages say what the software does, because they are written from it."""

import json
from pathlib import Path

import jsonschema
import pytest

from extracts.cli.reference import pages

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", pages())
def test_a_reference_page_is_as_the_software_writes_it(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name](), "run `make docs`"


def test_every_page_that_the_readme_names_is_there() -> None:
    import re

    readme = (DOCS.parent / "README.md").read_text()
    missing = [p for p in re.findall(r"\]\((?!http)([^)#]+)\)", readme) if not (DOCS.parent / p).exists()]
    assert not missing


def test_the_published_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((DOCS / "reference/request.schema.json").read_text()))
