"""Settings of every PostgreSQL that this software starts: what it logs holds no person's value.

Statements and errors, which quote values, are left out of the server's log.
"""

from __future__ import annotations

from typing import Final

QUIET: Final = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",  # which leaves errors out: their texts quote values
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
INITDB: Final = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
