"""By which name a part of Airflow calls itself: imported by each of them, so nothing else is here.

In a container HOSTNAME is the service's name. On one machine it tells the workers apart, which share the machine's.
"""

from __future__ import annotations

import os
import socket


def name() -> str:
    """The name that Airflow shows beside a task and a job."""
    return os.environ.get("HOSTNAME") or socket.gethostname()
