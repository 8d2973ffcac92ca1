"""Stage 6, handing over: the files that a recipient gets."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from extracts import signing
from extracts.canonical import digest_bytes
from extracts.documents import parse
from extracts.errors import CheckFailed
from extracts.handover.delivery import Approval, assemble
from extracts.handover.facts import CheckFacts
from extracts.handover.manifest import Manifest
from tests.support.builders import an_identified_plan
from tests.support.deliveries import MadeDelivery, a_delivery, revised, with_agreement
from tests.support.keys import Keys


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("delivery"), keys)


def readme(delivery: MadeDelivery) -> str:
    return (delivery.folder / "README.txt").read_text()


def test_these_files_are_delivered_and_no_other(delivery: MadeDelivery) -> None:
    assert sorted(p.name for p in delivery.folder.iterdir()) == [
        "README.txt",
        "SHA256SUMS",
        "contract.yaml",
        "decision.board.sig",
        "decision.controller.sig",
        "decision.json",
        "manifest.json",
        "manifest.json.sig",
        "openlineage.json",
        "pension_credit_award.parquet.age",
        "plan.json",
    ]


def test_plan_and_decision_are_the_very_bytes_that_were_signed(delivery: MadeDelivery) -> None:
    assert (delivery.folder / "plan.json").read_bytes() == delivery.plan.canonical()
    assert digest_bytes((delivery.folder / "plan.json").read_bytes()) == delivery.decision.plan_digest
    assert (delivery.folder / "decision.json").read_bytes() == delivery.decision.canonical()


def test_assembling_again_gives_the_same_delivery(delivery: MadeDelivery, keys: Keys) -> None:
    approval = Approval(
        (delivery.folder / "decision.json").read_bytes(),
        (delivery.folder / "decision.board.sig").read_text(),
        (delivery.folder / "decision.controller.sig").read_text(),
        (delivery.folder / "plan.json").read_bytes(),
    )
    again = assemble(
        delivery.folder,
        delivery.assembled.manifest,
        approval,
        lambda data: keys.sign(data, "service", signing.MANIFEST),
    )
    assert again == delivery.assembled


def test_a_clear_file_is_never_assembled(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path, keys)
    data = made.folder / "pension_credit_award.parquet.age"
    data.write_bytes(made.clear.read_bytes())
    with pytest.raises(CheckFailed, match="is not encrypted"):
        assemble(made.folder, made.assembled.manifest, an_approval(made), lambda _: "")


def test_a_stray_file_in_staging_is_never_assembled(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path, keys)
    (made.folder / "pension_credit_award.parquet").write_bytes(b"clear")
    with pytest.raises(CheckFailed, match=r"pension_credit_award\.parquet is in staging"):
        assemble(made.folder, made.assembled.manifest, an_approval(made), lambda _: "")


def an_approval(made: MadeDelivery) -> Approval:
    return Approval(made.decision.canonical(), "", "", made.plan.canonical())


def test_the_readme_says_who_what_why_until_when_and_whom_to_tell(delivery: MadeDelivery) -> None:
    text = readme(delivery)
    for said in (
        "SDDSB-2026-027.2026-11.r1",
        "Scottish Government analysts (synthetic)",
        "Department for Work and Pensions (synthetic)",
        "Scotland Act 2016, section 34",
        "Destroy by: 2028-11-22 (every copy)",
        "data.sharing@dwp.example",
        "WARNING: Unlawful disclosure is an offence.",
        "Do not pass the data on",
        "who a pseudonym stands for",
        "extracts verify . --signers allowed_signers",
        "sha256sum -c SHA256SUMS",
        "age --decrypt -i YOUR_KEY -o pension_credit_award.parquet pension_credit_award.parquet.age",
        "-n extract-receipt",
    ):
        assert said in text, said
    assert max(map(len, text.splitlines())) <= 120


def test_the_readme_sends_nobody_to_a_public_registry_for_the_software(delivery: MadeDelivery) -> None:
    """Whoever took the project's name there would run code beside recipients' private keys."""
    text = readme(delivery)
    assert "pip install" not in text
    assert "the software that the controller gave you" in text


def test_the_readme_of_a_correction_says_what_it_replaces_and_why(tmp_path: Path, keys: Keys) -> None:
    text = readme(a_delivery(tmp_path, keys, manifest=revised))
    assert "Replaces:   SDDSB-2026-027.2026-11.r1: Two councils were missing." in text


def test_the_readme_counts_checks_that_were_made_apart_from_those_that_do_not_apply(tmp_path: Path, keys: Keys) -> None:
    def with_one_that_was_not_made(m: Manifest) -> Manifest:
        beside = CheckFacts("no canary is in the bytes", "all", False, "", "no canary is known for this source")
        return replace(m, reports=(*m.reports, replace(m.reports[0], checks=(*m.reports[0].checks, beside))))

    text = " ".join(readme(a_delivery(tmp_path, keys, manifest=with_one_that_was_not_made)).split())
    assert "3 checks were made and passed; 1 do not concern this delivery" in text


def test_the_readme_repeats_the_conditions_of_request_and_decision(tmp_path: Path, keys: Keys) -> None:
    def with_special_conditions(m: Manifest) -> Manifest:
        return replace(m, handling=replace(m.handling, special_conditions=("No payment is ended on it alone.",)))

    assert "  - No payment is ended on it alone." in readme(
        a_delivery(tmp_path, keys, manifest=with_special_conditions)
    )


def test_the_readme_of_an_identified_delivery_speaks_of_no_pseudonyms(tmp_path: Path, keys: Keys) -> None:
    plan = an_identified_plan()
    assert "pseudonym" not in readme(a_delivery(tmp_path, keys, plan=plan))


def test_a_name_that_a_shell_would_misread_is_quoted_in_the_readme(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(
        tmp_path,
        keys,
        manifest=lambda m: with_agreement(m, board=replace(m.agreement.board, principal="x; rm -rf $HOME")),
    )
    assert "-I 'x; rm -rf $HOME' -n" in readme(made)


def test_the_contract_explains_each_delivered_column_and_nothing_else_of_the_source(delivery: MadeDelivery) -> None:
    data = (delivery.folder / "contract.yaml").read_bytes()
    contract = OpenDataContractStandard.from_string(data.decode())
    [table] = contract.schema_
    properties = {p.name: p for p in table.properties}
    assert list(properties) == [c.name for c in delivery.plan.datasets[0].columns]
    pseudonym = properties["nino_pseudonym"]
    assert pseudonym.transformLogic == "pseudonymise@1"
    assert "CMAC" in pseudonym.transformDescription
    assert properties["date_of_birth_age_band"].transformDescription.endswith("in bands of 10")
    assert b"surname" not in data


def test_the_contract_keeps_to_the_standard_and_to_our_own_strict_yaml(delivery: MadeDelivery) -> None:
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())
    document = parse((delivery.folder / "contract.yaml").read_bytes(), "contract.yaml").value
    jsonschema.Draft201909Validator(schema).validate(document)


def test_text_that_yaml_readers_misread_stays_text_in_the_contract(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path, keys, manifest=lambda m: with_agreement(m, purpose='NO: # 012 "x" - y'))
    document = parse((made.folder / "contract.yaml").read_bytes(), "contract.yaml").value
    assert document["description"]["purpose"] == 'NO: # 012 "x" - y'


def test_what_a_recipient_installs_imports_nothing_of_the_pipeline() -> None:
    """Airflow, engines, drivers and validation must not be needed, nor loaded, to verify and decrypt."""
    heavy = (
        "airflow|duckdb|great_expectations|sqlalchemy|psycopg|psycopg2|pandas|pyarrow|polars|pglast|yaml|holidays|"
        "croniter|open_data_contract_standard|jsonschema|asyncpg|celery"
    )
    script = f"""
import importlib, pkgutil, sys, extracts.handover
for module in pkgutil.walk_packages(extracts.handover.__path__, "extracts.handover."):
    importlib.import_module(module.name)
for name in ("errors", "canonical", "signing", "documents", "agreement.plan", "agreement.decision"):
    importlib.import_module("extracts." + name)
found = sorted({{m.split(".")[0] for m in sys.modules}} & set("{heavy}".split("|")))
sys.exit(", ".join(found) or 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
