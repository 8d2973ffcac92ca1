"""`extracts ...` on a system that has none of what only POSIX has: the names are taken away before ours are imported.

It stands for Windows where there is none to test on: it shows that nothing of ours asks for these names.
"""

import os
import shutil  # noqa: F401  the standard library imports what it needs first
import subprocess  # noqa: F401
import sys
import tempfile  # noqa: F401

import pyrage  # noqa: F401
import rich.console  # noqa: F401
import typer.main  # noqa: F401

MODULES = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "syslog")
NAMES = """
O_NOFOLLOW O_NONBLOCK O_CLOEXEC O_DIRECTORY fchmod fchown chown lchown getuid geteuid getgid fork mkfifo
posix_fadvise posix_fallocate umask sysconf
"""


class Missing:
    """Finds none of these modules, as on a system without them."""

    def find_spec(self, name: str, *_: object) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


for module in MODULES:
    sys.modules.pop(module, None)
sys.meta_path.insert(0, Missing())  # type: ignore[arg-type]
for name in NAMES.split():
    if hasattr(os, name):
        delattr(os, name)

from extracts.cli import main  # noqa: E402

main()
