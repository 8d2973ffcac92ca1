"""Waits for a decision without a worker: a trigger looks at the register now and then, and says when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger, TriggerEvent

from extracts.scheduling.guarded import guarded
from extracts.scheduling.review_operator import version_of


class DecisionTrigger(BaseTrigger):
    """Fires once the version is no longer open. Survives restarts: it knows nothing but what it is given here."""

    def __init__(self, request_id: str, version: int, every_s: float) -> None:
        super().__init__()
        self.request_id, self.version, self.every_s = request_id, version, every_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow keeps it."""
        values = {"request_id": self.request_id, "version": self.version, "every_s": self.every_s}
        return (f"{type(self).__module__}.{type(self).__qualname__}", values)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, when there is something to say. A register that is away is asked again."""
        while not await asyncio.to_thread(self._is_over):
            await asyncio.sleep(self.every_s)
        yield TriggerEvent({"over": True})

    def _is_over(self) -> bool:
        from extracts.errors import ExtractsError

        try:
            return "waits_for" not in where_it_stands(self.request_id, self.version)
        except ExtractsError:
            return False


class DecisionOperator(BaseOperator):
    """Ends with the decision: published, refused, returned or withdrawn. Until then it says whose move it is."""

    def __init__(self, *, every_s: float = 20, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.every_s = every_s

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Where the request stands; while that is open, waits. Raises Airflow's exceptions only."""
        found = self._look(context)
        if "waits_for" not in found:
            return found
        self.log.info("%s", found["waits_for"])
        context["ti"].xcom_push(key="whose_move", value=found["waits_for"])
        trigger = DecisionTrigger(found["request"], found["version"], self.every_s)
        raise TaskDeferred(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
        """What was decided, as the register has it: the event only wakes. Waits on if it was woken for nothing."""
        return self.execute(context)

    def _look(self, context: Mapping[str, Any]) -> dict[str, Any]:
        return guarded(self.task_id, lambda: where_it_stands(*version_of(context)))


def where_it_stands(request_id: str, version: int) -> dict[str, Any]:
    """The status of a version, and `waits_for` whom while it is open. Raises NotFound, TechnicalFailure."""
    from extracts.agreement.review_rules import OPEN
    from extracts.settings import open_workplace
    from extracts.steps.requests import stored_request
    from extracts.steps.why import why

    work = open_workplace()
    try:
        entry = stored_request(work, request_id, version)
        told = {"request": request_id, "version": version, "status": entry.status}
        return told | ({"waits_for": why(work, request_id).move} if entry.status in OPEN else {})
    finally:
        work.register.dispose()
