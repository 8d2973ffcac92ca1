"""Pages that commands write: to a file in one step, or to standard output."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from extracts.errors import UsageError

Output = Annotated[
    Path | None, typer.Option(help="The file to write; default: standard output.", metavar="FILE", show_default=False)
]


def put_page(page: str, output: Path | None, as_json: bool) -> None:
    """Writes a page to its file, which is whole or not there; without one to standard output, unless JSON goes there.

    Raises UsageError if it cannot be written.
    """
    if output is not None:
        _write(output, page.encode())
    elif not as_json:
        sys.stdout.write(page)


def check_folder(path: Path) -> None:
    """Raises UsageError if the folder of a file is not there: asked before anything is signed or told to the ledger."""
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written (no such folder).", advice="Name a file in a folder that is there.")


def put_signed(page: str, signature: str, path: Path) -> None:
    """Writes a page, and its signature beside it as `.sig`: the signature first, so that no page is there without one.

    Raises UsageError if either cannot be written.
    """
    _write(path.with_name(f"{path.name}.sig"), signature.encode())
    _write(path, page.encode())


def _write(path: Path, data: bytes) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            stream.write(data)
        try:
            os.chmod(stream.name, 0o644)
            os.replace(stream.name, path)
        except OSError:
            os.unlink(stream.name)
            raise
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}).", advice="Name a file in a folder that is there."
        ) from None
