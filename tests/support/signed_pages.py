"""A signed page as its reader has it: a file, its signature, a list of signers, and the lines that the page prints."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.pages import words
from tests.support.world import World


@dataclass(frozen=True)
class Received:
    """A folder with what a requester was sent, and the list of signers that they were given before."""

    page: Path

    @property
    def source(self) -> str:
        """The page's own text."""
        return self.page.read_text(encoding="utf-8")

    @property
    def text(self) -> str:
        """What it says, as one line."""
        return words(self.source)

    @property
    def blocks(self) -> list[str]:
        """What it prints to be run, in its order."""
        found = re.findall(r'<pre [^>]*class="run">(.*?)</pre>', self.source, re.S)
        return [html.unescape(block) for block in found]

    def run(self, block: str) -> subprocess.CompletedProcess[str]:
        """Exactly these lines, in this folder."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", block],
            cwd=self.page.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )


def received(world: World, page: Path, folder: Path) -> Received:
    """Page and signature, copied to where nothing of ours is, beside the pinned list."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (page, page.with_name(f"{page.name}.sig")):
        shutil.copy(file, folder)
    shutil.copy(world.work.places.allowed_signers, folder / "allowed_signers")
    return Received(folder / page.name)
