"""Guides as tests read them: their fenced blocks and commands, and a shell that types the commands as people would.

A page shows a file as a paragraph that is its path in backticks and a colon, then the block.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

from extracts.local.programs import wheel_programs
from extracts.settings import PROJECT
from tests.support.command_line import Said, extracts

DOCS = PROJECT / "docs"
HOW_TO = DOCS / "how-to"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"\n\n`([^`\n]+)`:\s*\Z")
_SHELL_MARKS = ("|", "$(", "<", "&&")
_OURS = re.compile(r'((?P<name>[A-Z_]+)="(?P<value>[^"]*)" )?extracts (?P<arguments>.*?)( > (?P<target>\S+))?')

# The two programs of age, in the few ways in which the guides use them, for machines where it is not installed.
_AGE = f"""#!{sys.executable}
import sys
from pathlib import Path
from extracts.handover.decryption import decrypt_stream, read_identity
def after(*names):
    return next(sys.argv[sys.argv.index(n) + 1] for n in names if n in sys.argv)
source = open(sys.argv[-1], "rb") if sys.argv[-1] != after("-o", "--output") else sys.stdin.buffer
out = after("-o", "--output")
if "--decrypt" in sys.argv:
    with open(out, "wb") as clear:
        decrypt_stream(source, clear, read_identity(Path(after("-i", "--identity"))), "file")
else:
    import pyrage
    to = pyrage.x25519.Recipient.from_str(after("-r", "--recipient"))
    Path(out).write_bytes(pyrage.encrypt(source.read(), [to]))
"""
_AGE_KEYGEN = f"""#!{sys.executable}
import os, sys
from pyrage import x25519
made = x25519.Identity.generate()
with open(os.open(sys.argv[sys.argv.index("-o") + 1], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
    out.write(f"# public key: {{made.to_public()}}\\n{{made}}\\n")
print(f"Public key: {{made.to_public()}}", file=sys.stderr)
"""


@dataclass(frozen=True)
class Block:
    """One fenced block. `path`: the file that the paragraph before it names; empty if it names none."""

    language: str
    text: str
    path: str


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks, in order, without the indentation of the list that they stand in."""
    text, found = page.read_text(), []
    for fence in _FENCE.finditer(text):
        named = _PATH.search(text[: fence.start()])
        lines = (line.removeprefix(fence["indent"]) for line in fence["text"].splitlines(keepends=True))
        found.append(Block(fence["language"], "".join(lines), named[1] if named else ""))
    return found


def commands(page: Path) -> list[str]:
    """What a reader types, in order: lines with a `$`, with their continuations, without comments."""
    found: list[str] = []
    for block in blocks(page):
        if block.language == "console":
            lines = block.text.replace("\\\n", " ").splitlines()
            found += [re.sub(r"\s+# .*$", "", line[2:]).strip() for line in lines if line.startswith("$ ")]
    return [" ".join(command.split()) for command in found]


@dataclass
class Shell:
    """Types commands in `folder`. `names` replaces what the page shows by what it is called here, longest first.

    `extracts` runs in this process, unless a pipe or a substitution needs a real shell.
    """

    folder: Path
    names: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def type(self, command: str) -> Said:
        """What the command says."""
        for shown in sorted(self.names, key=len, reverse=True):
            command = command.replace(shown, self.names[shown])
        ours = _OURS.fullmatch(command)
        if ours and not any(mark in command for mark in _SHELL_MARKS):
            return self._extracts(ours)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("EXTRACTS_")}
        done = subprocess.run(
            ["bash", "-c", f"set -euo pipefail; {command}"],
            cwd=self.folder,
            env={**kept, "PATH": self._path(), "PYTHONPATH": str(PROJECT), **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def works(self, command: str) -> Said:
        """The same for a command that must succeed."""
        said = self.type(command)
        assert said.code == 0, f"{command}\n{said.out}\n{said.err}"
        return said

    def _extracts(self, ours: re.Match[str]) -> Said:
        variable = {ours["name"]: ours["value"]} if ours["name"] else {}
        with chdir(self.folder):
            said = extracts(None, *shlex.split(ours["arguments"]), **{**self.environment, **variable})
            if ours["target"] and said.code == 0:
                Path(ours["target"]).write_text(said.out)
        return said

    def _path(self) -> str:
        programs = self.folder / ".programs"
        if not programs.exists():
            programs.mkdir()
            for name, text in (("age", _AGE), ("age-keygen", _AGE_KEYGEN)):
                (programs / name).write_text(text)
                (programs / name).chmod(stat.S_IRWXU)
        ours = Path(sys.executable).parent
        return os.pathsep.join(map(str, (programs, wheel_programs() / "bin", ours, os.environ.get("PATH", ""))))
