"""A folder of Parquet files as one moment: which files there are, of what size and time, and whether that stayed so.

Layout: `<folder>/<relation>/**/*.parquet`, in Hive partitions or not, or `<folder>/<relation>.parquet`; so for each
dataset, for `hold` and for `load_stamp`.

Rules:
1. The set of files is fixed when reading begins, by name, size, inode and both times, and looked at again when it ends:
   whatever was added, taken away or written meanwhile fails the run.
2. Nothing else may lie there: a file that is no `.parquet`, or a link, is refused. Names that begin with `_` or `.` are
   passed over, as every writer of such folders does.
3. Names of files and partitions can hold values of persons: messages count files and name none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from extracts.canonical import digest
from extracts.errors import SettingMissing, SourceChanged, SourceUnreachable

SCHEME = "file://"


@dataclass(frozen=True)
class FoundFile:
    """One file as it was found; `name` is relative to the source's folder."""

    name: str
    size: int
    inode: int
    modified_ns: int
    changed_ns: int

    @property
    def partition(self) -> tuple[tuple[str, str], ...]:
        """Keys and values of its Hive partition, in order."""
        folders = Path(self.name).parent.parts[1:]
        return tuple((key, value) for key, found, value in (f.partition("=") for f in folders) if found)


@dataclass(frozen=True)
class FileSet:
    """The files of one relation."""

    root: Path
    relation: str
    files: tuple[FoundFile, ...]

    @property
    def paths(self) -> list[str]:
        """Where they are."""
        return [str(self.root / f.name) for f in self.files]

    @property
    def newest(self) -> datetime:
        """When the newest of them was written."""
        return datetime.fromtimestamp(max(f.modified_ns for f in self.files) // 1000 / 1_000_000, UTC)

    def digest(self) -> str:
        """Of names, sizes and times."""
        return digest([[f.name, str(f.size), str(f.modified_ns)] for f in self.files])

    def check_unchanged(self) -> None:
        """Raises SourceUnreachable if the relation's files are others by now."""
        try:
            now = file_set(self.root, self.relation).files
        except SourceChanged:
            now = ()
        if now != self.files:
            before, after = set(self.files), set(now)
            raise SourceUnreachable(
                f"{self.relation}: {len(before - after)} of {len(self.files)} files changed or went while they were "
                f"read, and {len(after - before)} came.",
                advice="Nothing leaves. It is tried again; write new files elsewhere and move them in at once.",
            )


def folder_of(address: str) -> Path:
    """The folder of `file:///data/archive`. Raises SettingMissing; SourceUnreachable if it is not there."""
    path = Path(address.removeprefix(SCHEME))
    if not address.startswith(SCHEME) or not path.is_absolute():
        raise SettingMissing("The source's address is not that of a folder (file:///data/archive).")
    if not path.is_dir():
        raise SourceUnreachable(
            "The source's folder is not there.", advice="Is it mounted? See its EXTRACTS_SOURCE_ setting."
        )
    return path


def file_set(root: Path, relation: str) -> FileSet:
    """The files of a relation now. Raises SourceChanged if there are none, or something else lies there."""
    single, folder = root / f"{relation}.parquet", root / relation
    if single.is_file() and folder.is_dir():
        raise _refused(relation, "is a file and a folder")
    names = [single] if single.is_file() else sorted(_walk(folder, relation))
    if not names:
        raise _refused(relation, "has no Parquet files")
    return FileSet(root, relation, tuple(_found(root, path, relation) for path in names))


def _walk(folder: Path, relation: str) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(("_", "."))]
        if any((Path(place) / f).is_symlink() for f in folders):
            raise _refused(relation, "has a link among its folders")
        for name in names:
            if name.startswith(("_", ".")):
                continue
            if not name.endswith(".parquet"):
                raise _refused(relation, "has a file that is not named .parquet")
            yield Path(place) / name


def _found(root: Path, path: Path, relation: str) -> FoundFile:
    if path.is_symlink():
        raise _refused(relation, "has a link among its files")
    try:
        facts = path.stat()
    except OSError:
        raise _refused(relation, "lost a file while they were listed") from None
    name = path.relative_to(root).as_posix()
    return FoundFile(name, facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns)


def _refused(relation: str, told: str) -> SourceChanged:
    return SourceChanged(
        f"{relation}: the source's folder {told}.",
        advice="Nothing was read. Ask whoever loads the folder; names of unfinished files begin with `_` or `.`.",
    )
