"""The house's rule, proved by reading the imports: a package imports only from rows above its own."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "extracts"
ROWS = (
    ("errors",),
    ("canonical", "signing", "documents"),
    ("catalogue",),
    ("agreement",),
    ("forum",),
    ("extraction", "handover", "mail", "record"),
    ("steps",),
    ("settings",),
    ("production",),
    ("standalone",),
    ("local", "scheduling"),
    ("cli", "web"),
)
ROW = {room: number for number, rooms in enumerate(ROWS) for room in rooms}
FILES = sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module named in an import at any depth, except those only for type checkers."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "extracts" else {node.module}
            )
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_from_rows_above_its_own(path: Path) -> None:
    room = room_of(path)
    assert room in ROW, f"{room} has no row; add it to the house or move it"
    below = {
        module
        for module in imports(path)
        if module.startswith("extracts.")
        and (other := module.split(".")[1]) != room
        and other != "__version__"
        and ROW.get(other, -1) >= ROW[room]
    }
    assert not below, f"{path.relative_to(ROOT)} imports {sorted(below)}, which stand beside or below it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_uses_a_relative_import(path: Path) -> None:
    assert not [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.level]


def test_only_the_validation_imports_great_expectations() -> None:
    users = {p.name for p in FILES if any(m.startswith("great_expectations") for m in imports(p))}
    assert users
    assert all(name.startswith("validation") for name in users), users


def test_the_agreement_and_the_forums_figures_are_pure() -> None:
    doing = {"os", "pathlib", "subprocess", "socket", "sqlalchemy", "duckdb", "tempfile", "shutil"}
    for path in (p for room in ("agreement", "forum") for p in (ROOT / room).glob("*.py")):
        assert not {m.split(".")[0] for m in imports(path)} & doing, path.name


def test_the_clock_is_read_in_settings_and_faces_only() -> None:
    readers = {
        room_of(p)
        for p in FILES
        for node in ast.walk(ast.parse(p.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("datetime.now", "date.today", "datetime.utcnow")
    }
    assert readers <= {"settings", "local", "scheduling", "cli", "web"}, readers
