"""All agreements' DAGs, or the one that a worker asks for.

Rules:
1. A worker that runs a task of one agreement reads that agreement's file only, however many there are.
2. A file that cannot be read becomes a DAG that says why; the others are not affected.
3. The DAG processor gets them in shards, one per file in dags/: so it parses several at once, and none takes so long
   that it is broken off. Shards are filled in the order of ids, which are given out in order: DAGs hardly ever move.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from extracts.errors import InvalidDocument, Problem
from extracts.scheduling.agreement_dag import Retries, agreement_dag, broken_dag, task_dag
from extracts.scheduling.facts import dag_id_of, read_facts, request_id_of
from extracts.scheduling.signer_names import signer_names

if TYPE_CHECKING:
    from airflow.sdk import DAG


SHARDS, SHARD_SIZE = 4, 1_500


def folder_dags(shard: int = 1) -> dict[str, DAG]:
    """DAGs by id, for the process that parses: one for a worker, a shard for the DAG processor. Reads the environment.

    A worker gets the DAG that it asks for from any shard.
    """
    from extracts.settings import environment

    found = environment()
    published, retries = Path(found["EXTRACTS_PUBLISHED"]), _retries(found)
    wanted = get_parsing_context().dag_id
    if wanted is not None:
        dag = one_dag(published, wanted, retries)
        return {} if dag is None else {dag.dag_id: dag}
    signers = signer_names(Path(found["EXTRACTS_ALLOWED_SIGNERS"]))
    today = datetime.now(UTC).date()
    files = shard_of(_files(published), shard)
    return {dag.dag_id: dag for dag in all_dags(files, today, retries, signers)}


def one_dag(published: Path, dag_id: str, retries: Retries) -> DAG | None:
    """The DAG that a worker needs, from one file; None if this is no agreement's DAG."""
    request_id = request_id_of(dag_id)
    if request_id is None:
        return None
    path = published / f"{request_id}.json"
    try:
        return task_dag(read_facts(path), retries)
    except InvalidDocument as error:
        return broken_dag(request_id, path.name, str(error))


def shard_of(files: Sequence[Path], shard: int) -> Sequence[Path]:
    """The files of one shard, counted from 1; the last one takes all that are left."""
    first = (shard - 1) * SHARD_SIZE
    return files[first:] if shard == SHARDS else files[first : first + SHARD_SIZE]


def all_dags(files: Sequence[Path], today: date, retries: Retries, signers: dict[str, str]) -> Iterator[DAG]:
    """A DAG for every file, in their order."""
    for path in files:
        try:
            yield agreement_dag(read_facts(path), today, retries, signers)
        except InvalidDocument as error:
            yield _broken(path, str(error))
        except Exception as error:  # one file must never hide the others, whatever is wrong with it
            yield _broken(path, f"{path.name} cannot be made into a DAG ({type(error).__name__}).")


def _files(published: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(published) if _is_agreement(entry.name))
    except FileNotFoundError:
        return []
    return [published / name for name in names]


def _is_agreement(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def _broken(path: Path, reason: str) -> DAG:
    """A name that could be no DAG's id is spelt with what may stand there."""
    return broken_dag(re.sub(r"[^A-Za-z0-9._-]", "_", path.stem)[:80] or "_", path.name, reason)


def _retries(found: dict[str, str]) -> Retries:
    numbers = [found["EXTRACTS_RETRIES"], found["EXTRACTS_RETRY_SECONDS"]]
    if not all(number.isdecimal() for number in numbers):
        name = "EXTRACTS_RETRIES and EXTRACTS_RETRY_SECONDS"
        raise InvalidDocument("environment", [Problem(name, "must be whole numbers")])
    return Retries(*(int(number) for number in numbers))


__all__ = ["Retries", "all_dags", "dag_id_of", "folder_dags", "one_dag"]
