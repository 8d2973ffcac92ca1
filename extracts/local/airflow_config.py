"""Airflow's configuration for a local installation: one 0600 file, and nothing secret in any environment.

Rules:
1. Everything listens on 127.0.0.1, and nothing leaves the machine.
2. Secrets are generated once and kept, so a restart does not sign everybody out. They are in `airflow.cfg` and the
   passwords file (0600, in a 0700 folder); processes are told only where that folder is.
3. Variables `AIRFLOW__...` of whoever starts it do not reach the components: what is written here is what holds.
"""

from __future__ import annotations

import base64
import configparser
import io
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extracts.local.installation import HOST, Part
from extracts.local.passwords import write_secret
from extracts.production.health import healthy_parts

# Logs are read from the disk that all parts share, so nobody needs to serve them on more ports.
PARTS: Final = {
    "api-server": ("airflow", "api-server"),
    "scheduler": ("airflow", "scheduler", "--skip-serve-logs"),
    "dag-processor": ("airflow", "dag-processor"),
    "triggerer": ("airflow", "triggerer", "--skip-serve-logs"),
}
HEALTHY: Final = frozenset({"metadatabase", "scheduler", "dag-processor", "triggerer"})
_GENERATED = (("core", "fernet_key"), ("api", "secret_key"), ("api_auth", "jwt_secret"))


@dataclass(frozen=True)
class User:
    """Somebody who may sign in. `role`: viewer, user, op or admin, in Airflow's simple auth manager."""

    name: str
    role: str


@dataclass(frozen=True)
class AirflowConfig:
    """What a local Airflow is to be. `database_url` holds no credential (it names a passfile).

    `options` adds settings, by section; `environment` is what the components and their tasks see. `considers_as`: the
    user whose account starts the consideration of what is submitted on a page; empty: nobody's.
    """

    home: Path
    database_url: str
    dags_folder: Path
    users: tuple[User, ...]
    environment: Mapping[str, str] = field(repr=False)
    parallelism: int = 4
    plugins_folder: Path | None = None
    dags_start_paused: bool = True
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    considers_as: str = ""

    @property
    def folder(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def passwords_file(self) -> Path:
        """Every user's generated password, as JSON."""
        return self.folder / "passwords.json"

    def passwords(self) -> dict[str, str]:
        """The users' passwords; those that are missing are generated and kept."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = json.loads(self.passwords_file.read_text()) if self.passwords_file.exists() else {}
        passwords = {user.name: known.get(user.name) or secrets.token_urlsafe(12) for user in self.users}
        if passwords != known:
            write_secret(self.passwords_file, json.dumps(passwords))
        return passwords

    def write(self, port: int) -> None:
        """Writes the configuration for components that are about to start."""
        path = self.folder / "airflow.cfg"
        kept = configparser.ConfigParser(interpolation=None)
        kept.read(path)
        settings = _settings(self, port)
        for section, name in _GENERATED:
            settings[section][name] = kept.get(section, name, fallback="") or _new_secret()
        for section, chosen in self.options.items():
            settings.setdefault(section, {}).update(chosen)
        passwords = self.passwords()
        if self.considers_as:
            write_secret(self._login_file, f"{self.considers_as}:{passwords[self.considers_as]}\n")
        write_secret(path, _text(settings))

    def blank_out(self, text: str) -> str:
        """`text` with this installation's secrets replaced, and with any password that stands in an address."""
        kept = configparser.ConfigParser(interpolation=None)
        kept.read(self.folder / "airflow.cfg")
        known = [kept.get(*place, fallback="") for place in _GENERATED] + list(self.passwords().values())
        for secret in filter(None, known):
            text = text.replace(secret, "***")
        return re.sub(r"(://[^:@/\s]*):[^@/\s]+@", r"\1:***@", text)

    def migration(self) -> Part:
        """What brings Airflow's database to this version."""
        return Part("migration", ("airflow", "db", "migrate"), self.child_environment())

    def parts(self) -> tuple[Part, ...]:
        """What runs."""
        return tuple(Part(name, command, self.child_environment()) for name, command in PARTS.items())

    @property
    def awaited(self) -> frozenset[str]:
        """Who must be healthy; the database takes the API server's place, which answers for it."""
        return HEALTHY

    def healthy(self, url: str) -> set[str]:
        """Who is."""
        return healthy_parts(url)

    def child_environment(self) -> dict[str, str]:
        """The environment of components and tasks."""
        inherited = {n: v for n, v in self.environment.items() if not n.startswith(("AIRFLOW_", "_AIRFLOW"))}
        return inherited | {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW_CONFIG": str(self.folder / "airflow.cfg"),
            "EXTRACTS_HOME": str(self.home),
            "PYTHONUNBUFFERED": "1",  # so that the log is there when a component dies
            **self._starts_considerations(),
        }

    @property
    def _login_file(self) -> Path:
        return self.folder / "consideration.login"

    def _starts_considerations(self) -> dict[str, str]:
        """Where this Airflow is and how to sign in, once that was written; nothing if nobody's account is used."""
        kept = configparser.ConfigParser(interpolation=None)
        kept.read(self.folder / "airflow.cfg")
        url = kept.get("api", "base_url", fallback="") if self.considers_as else ""
        return {"EXTRACTS_AIRFLOW_URL": url, "EXTRACTS_AIRFLOW_LOGIN": str(self._login_file)} if url else {}


def _settings(config: AirflowConfig, port: int) -> dict[str, dict[str, str]]:
    url = f"http://{HOST}:{port}"
    return {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": str(config.parallelism),  # 32 by default, each a process
            "dags_folder": str(config.dags_folder),
            "plugins_folder": str(config.plugins_folder or config.folder / "plugins"),
            "load_examples": "False",
            "dags_are_paused_at_creation": str(config.dags_start_paused),
            "hostname_callable": "socket.gethostname",  # the default one asks name servers
            "execution_api_server_url": f"{url}/execution/",
            "simple_auth_manager_users": ",".join(f"{user.name}:{user.role}" for user in config.users),
            "simple_auth_manager_passwords_file": str(config.passwords_file),
            "dagbag_import_error_tracebacks": "True",
        },
        "database": {"sql_alchemy_conn": config.database_url},
        "api": {"host": HOST, "port": str(port), "base_url": url, "workers": "1", "expose_config": "False"},
        "api_auth": {},
        "logging": {
            "base_log_folder": str(config.folder / "logs" / "tasks"),
            "dag_processor_child_process_log_directory": str(config.folder / "logs" / "parsing"),
            "file_task_handler_new_folder_permissions": "0o700",
            "file_task_handler_new_file_permissions": "0o600",
            "colored_console_log": "False",
        },
        "dag_processor": {
            "dag_bundle_storage_path": str(config.folder / "bundles"),
            "refresh_interval": "5",
            "min_file_process_interval": "15",  # a file takes half a second each time
            "parsing_processes": "1",
        },
        "scheduler": {
            "scheduler_heartbeat_sec": "2",
            "scheduler_idle_sleep_time": "0.3",  # between one task and the next; a second by default
            "catchup_by_default": "False",
        },
    }


def _new_secret() -> str:
    # 32 bytes in this form are what the Fernet key must be; the other two may be anything.
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _text(settings: Mapping[str, Mapping[str, str]]) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    for section, values in settings.items():
        parser[section] = {name: value.replace("%", "%%") for name, value in values.items()}
    stream = io.StringIO()
    parser.write(stream)
    return stream.getvalue()
