"""What is imported ahead of tasks is all that they need, by who forks them only, and nothing that a fork spoils."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from extracts.scheduling.warm import FOR_PARSING, FOR_TASKS, forked_by

_IMPORT = """
import json, os, sys, threading
from extracts.scheduling import warm
for module in sys.argv[1:]:
    warm.import_all([module])
libraries = [name for name in ("great_expectations", "duckdb", "pyarrow", "polars", "pandas") if name in sys.modules]
missing = [module for module in sys.argv[1:] if module not in sys.modules]
open_files = [link for link in (os.readlink(f"/proc/self/fd/{fd}") for fd in range(3, 64)
              if os.path.islink(f"/proc/self/fd/{fd}")) if not link.startswith("/dev")]
print(json.dumps([libraries, missing, threading.active_count(), [link for link in open_files if "socket" in link]]))
"""


@pytest.mark.parametrize(
    ("arguments", "executor", "modules"),
    [
        (["scheduler", "--skip-serve-logs"], "LocalExecutor", FOR_TASKS),
        (["scheduler"], "CeleryExecutor", ()),  # its tasks are forked elsewhere
        (["dag-processor"], "CeleryExecutor", FOR_PARSING),
        (["triggerer"], "LocalExecutor", ()),
        (["api-server"], "LocalExecutor", ()),
        (["db", "migrate"], "LocalExecutor", ()),
        ([], "LocalExecutor", ()),
    ],
)
def test_only_who_forks_imports_ahead(arguments, executor, modules):
    assert forked_by(arguments, executor) == modules


@pytest.mark.parametrize("modules", [FOR_TASKS, FOR_PARSING])
def test_every_module_is_there_and_nothing_but_imports_happens(modules):
    done = subprocess.run([sys.executable, "-c", _IMPORT, *modules], capture_output=True, text=True, check=True)
    libraries, missing, threads, sockets = json.loads(done.stdout.splitlines()[-1])
    assert (missing, threads, sockets) == ([], 1, [])
    assert ("great_expectations" in libraries) == (modules is FOR_TASKS)


def test_a_celery_worker_imports_before_it_forks():
    code = (
        "import sys; from celery import Celery; from extracts.scheduling.celery_options import OPTIONS; app = Celery();"
        "assert 'great_expectations' not in sys.modules; app.config_from_object(OPTIONS);"
        "app.loader.import_default_modules(); print('great_expectations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


def test_a_library_that_is_missing_is_said_and_stops_nobody(caplog):
    from extracts.scheduling.warm import import_all

    import_all(["extracts.no_such_module"])
    assert "extracts.no_such_module cannot be imported ahead of tasks" in caplog.text
