"""Airflow's settings in production, as the variables that its parts and its tasks see.

Rules:
1. No secret is in a variable: Airflow reads each from its file (`..._CMD`), and libpq its passwords (`passfile`).
2. A worker that dies is noticed within about a minute: a task whose heartbeat is missing for 60 s is tried again by
   another worker, and one that was handed to a dead worker without being begun is handed out again after 5 minutes.
   A worker that ends takes its message to the grave until `visibility_timeout`; by then the task has long been done,
   and Airflow refuses to begin it twice.
3. What is queued is in Redis' memory only: if that is lost, rule 2 hands it out again.
"""

from __future__ import annotations

from collections.abc import Mapping

from extracts.production.service import Places

HEARTBEAT_TIMEOUT_S = 60
_MISSED_IN_QUEUE_S = 300
_PARSING_S = 120  # 1,500 agreements take 8 s; by default parsing is broken off after 30, and their DAGs are gone
_REDELIVERY_S = 86_400  # longer than any task may take: a message that is handed out again ends the first one


def airflow_environment(places: Places) -> dict[str, str]:
    """Every `AIRFLOW_...` variable of the production shape."""
    named = {f"AIRFLOW__{s.upper()}__{n.upper()}": v for s, values in _settings(places).items() for n, v in values}
    return {"AIRFLOW_HOME": places.airflow_home, **named, "PYTHONUNBUFFERED": "1"}


def database_url(places: Places, database: str, role: str, *, driver: str, passfile: str) -> str:
    """A SQLAlchemy address without a credential."""
    host, port = places.postgres
    return f"postgresql+{driver}://{role}@{host}:{port}/{database}?passfile={places.secrets}/{passfile}"


def _settings(places: Places) -> Mapping[str, list[tuple[str, str]]]:
    metadata = database_url(places, "airflow", "airflow", driver="psycopg2", passfile="airflow.pgpass")
    return {
        "core": [
            ("executor", "CeleryExecutor"),
            ("parallelism", "32"),
            ("dags_folder", places.dags),
            ("load_examples", "False"),
            ("dags_are_paused_at_creation", "True"),
            ("dagbag_import_timeout", str(_PARSING_S)),
            ("hostname_callable", "extracts.production.host.name"),
            ("execution_api_server_url", f"{places.api}/execution/"),
            ("simple_auth_manager_users", places.users),
            ("simple_auth_manager_passwords_file", f"{places.sign_in}/passwords.json"),
            ("fernet_key_cmd", _read(places, "fernet.key")),
        ],
        "database": [("sql_alchemy_conn", metadata)],
        "api": [
            ("host", places.listen),
            ("port", str(places.api_port)),
            ("base_url", places.ui),
            ("workers", "1"),
            ("expose_config", "False"),
            ("secret_key_cmd", _read(places, "api.secret")),
        ],
        "api_auth": [("jwt_secret_cmd", _read(places, "jwt.secret"))],
        "logging": [
            # On a volume that all parts share, so that no worker needs to serve its logs.
            ("base_log_folder", f"{places.logs}/tasks"),
            ("dag_processor_child_process_log_directory", f"{places.logs}/parsing"),
            ("file_task_handler_new_folder_permissions", "0o700"),
            ("file_task_handler_new_file_permissions", "0o600"),
            ("colored_console_log", "False"),
        ],
        "dag_processor": [
            ("dag_bundle_storage_path", f"{places.airflow_home}/bundles"),
            ("refresh_interval", "10"),
            ("min_file_process_interval", "10"),
            ("parsing_processes", "2"),
            ("dag_file_processor_timeout", str(_PARSING_S + 30)),
        ],
        "scheduler": [
            ("scheduler_heartbeat_sec", "2"),
            ("catchup_by_default", "False"),
            ("task_instance_heartbeat_timeout", str(HEARTBEAT_TIMEOUT_S)),
            ("task_instance_heartbeat_timeout_detection_interval", "10"),
            ("task_queued_timeout", str(_MISSED_IN_QUEUE_S)),
            ("task_queued_timeout_check_interval", "30"),
        ],
        "celery": [
            ("broker_url_cmd", _read(places, "broker.url")),
            ("result_backend", f"db+{metadata}"),
            ("celery_config_options", "extracts.scheduling.celery_options.OPTIONS"),  # what tasks import, once
            ("worker_concurrency", "2"),
            ("worker_prefetch_multiplier", "1"),
            ("task_acks_late", "True"),
        ],
        "celery_broker_transport_options": [("visibility_timeout", str(_REDELIVERY_S))],
    }


def _read(places: Places, secret: str) -> str:
    return f"cat '{places.secrets}/{secret}'"
