"""The production shape: every service, with its command, settings, secrets, folders, health and order.

`docker-compose.yml` is written from it, and `make cluster` starts it on one machine; a test holds the two together.

Rules:
1. Each service gets the secrets and the folders that it needs, and no other.
2. The queue is Valkey, the continuation of Redis by its authors, under Redis' own protocol.
3. Staging is one folder that both workers share, so that a run goes on when its worker is gone.
"""

from __future__ import annotations

from typing import Any

from extracts import __version__
from extracts.production.airflow_settings import airflow_environment, database_url
from extracts.production.postgres_settings import INITDB, QUIET
from extracts.production.service import After, Health, Mount, Places, Service

POSTGRES_IMAGE = "postgres:18.4-bookworm"
REDIS_IMAGE = "valkey/valkey:9.1.2"
IMAGE = f"governed-extracts:{__version__}"
WORKERS = ("worker-1", "worker-2")
REDIS, API = "redis", "api-server"
MIGRATE_AIRFLOW, MIGRATE_REGISTER = "migrate-airflow", "migrate-register"
_READY = {MIGRATE_AIRFLOW: After.DONE, MIGRATE_REGISTER: After.DONE}
_AIRFLOW_SECRETS = ("airflow.pgpass", "broker.url", "fernet.key", "jwt.secret")
_LOGS = (Mount("logs"),)
_READING = (*_LOGS, Mount("state", read_only=True))
_HEALTH = ("python", "-m", "extracts.production.health")


def shape(places: Places) -> tuple[Service, ...]:
    """Every service, in the order in which they start."""
    return (
        _postgres(places),
        _redis(places),
        _migrate_airflow(places),
        _migrate_register(places),
        *_parts(places),
        *(_worker(places, name) for name in WORKERS),
    )


def airflow_and_extracts(places: Places) -> dict[str, str]:
    """The variables that every part of Airflow, and every task, sees."""
    return airflow_environment(places) | {
        "EXTRACTS_HOME": places.state,
        "EXTRACTS_KEYS": places.keys,
        "EXTRACTS_STAGING": places.staging,
        # The one place that says what the drop zone is: here, a folder that another service shows to recipients.
        "EXTRACTS_DROP_ZONE": places.drop_zone,
        "EXTRACTS_REGISTER_URL": _register(places, "extracts_app", "register.pgpass"),
        "EXTRACTS_SERVICE_KEY": f"{places.secrets}/service.key",
        "EXTRACTS_SOURCE_PASSFILE": f"{places.secrets}/source.pgpass",
        "EXTRACTS_RETRIES": "3",
        "EXTRACTS_RETRY_SECONDS": "15",
    }


def _postgres(places: Places) -> Service:
    settings = [word for name, value in QUIET.items() for word in ("-c", f"{name}={value}")]
    return Service(
        "postgres",
        POSTGRES_IMAGE,
        ("postgres", *settings),
        environment={
            "POSTGRES_PASSWORD_FILE": f"{places.secrets}/postgres.password",
            "POSTGRES_INITDB_ARGS": " ".join((*INITDB, "--auth-host=scram-sha-256", "--auth-local=scram-sha-256")),
        },
        secrets=("postgres.password", "airflow.pgpass", "register.pgpass", "register-migrator.pgpass"),
        mounts=(Mount("postgres_data"),),
        health=Health(("pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"), every_s=5),
        memory_mb=2_048,
        stop_within_s=120,
    )


def _redis(places: Places) -> Service:
    listen = ("--bind", places.listen, "--port", str(places.redis[1]))
    memory_only = ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
    ping = 'VALKEYCLI_AUTH="$(cut -d " " -f 2 /run/secrets/redis.conf)" valkey-cli ping | grep -q PONG'
    return Service(
        REDIS,
        REDIS_IMAGE,
        ("valkey-server", f"{places.secrets}/redis.conf", *listen, *memory_only),
        secrets=("redis.conf",),
        health=Health(("sh", "-c", ping.replace("/run/secrets", places.secrets)), every_s=5),
        memory_mb=256,
    )


def _migrate_airflow(places: Places) -> Service:
    return Service(
        MIGRATE_AIRFLOW,
        IMAGE,
        ("airflow", "db", "migrate"),
        airflow_and_extracts(places),
        secrets=_AIRFLOW_SECRETS,
        after={"postgres": After.HEALTHY},
        once=True,
    )


def _migrate_register(places: Places) -> Service:
    urls = {
        "EXTRACTS_REGISTER_URL": _register(places, "extracts_app", "register.pgpass"),
        "EXTRACTS_REGISTER_OWNER_URL": _register(places, "extracts_migrator", "register-migrator.pgpass"),
    }
    return Service(
        MIGRATE_REGISTER,
        IMAGE,
        ("extracts", "register", "migrate"),
        {"EXTRACTS_HOME": places.state, **urls},
        secrets=("register-migrator.pgpass",),
        after={"postgres": After.HEALTHY},
        once=True,
    )


def _parts(places: Places) -> tuple[Service, ...]:
    """Airflow's own. Its API knows how each does; the API server is healthy if it reaches its database."""
    web = (*_AIRFLOW_SECRETS, "api.secret", "register.pgpass")
    seen = (*_READING, Mount("sign_in"), Mount("drop_zone", read_only=True))
    return (
        _part(places, API, (), "metadatabase", secrets=web, mounts=seen, outside=True),
        _part(places, "scheduler", ("--skip-serve-logs",), "scheduler", mounts=_LOGS),
        _part(places, "dag-processor", (), "dag-processor", mounts=_READING),
        _part(places, "triggerer", ("--skip-serve-logs",), "triggerer", mounts=_LOGS),
    )


def _part(places: Places, name: str, options: tuple[str, ...], asked: str, **more: Any) -> Service:
    more = {"secrets": _AIRFLOW_SECRETS, **more}
    return Service(
        name,
        IMAGE,
        ("airflow", name, *options),
        airflow_and_extracts(places),
        after=_READY if name == API else {**_READY, API: After.HEALTHY},
        health=Health((*_HEALTH, "airflow", asked, places.api)),
        **more,
    )


def _worker(places: Places, name: str) -> Service:
    node = f"celery@{name}"
    return Service(
        name,
        IMAGE,
        ("airflow", "celery", "worker", "--celery-hostname", node, "--skip-serve-logs", "--without-gossip"),
        airflow_and_extracts(places),
        secrets=(*_AIRFLOW_SECRETS, "register.pgpass", "service.key", "source.pgpass"),
        mounts=(Mount("logs"), Mount("state"), Mount("keys"), Mount("staging"), Mount("drop_zone")),
        after={**_READY, REDIS: After.HEALTHY, API: After.HEALTHY},
        health=Health((*_HEALTH, "worker", node, f"{places.secrets}/broker.url")),
        memory_mb=4_096,
        outside=True,  # to the sources
        stop_within_s=900,  # a run that is under way is finished first
    )


def _register(places: Places, role: str, passfile: str) -> str:
    return database_url(places, "register", role, driver="psycopg", passfile=passfile)
