"""The command line. Each file holds one group of commands; nothing is decided here, only asked and shown."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `extracts`."""
    from extracts.cli.app import app
    from extracts.cli.output import run_guarded

    sys.exit(run_guarded(app))


if __name__ == "__main__":
    main()
