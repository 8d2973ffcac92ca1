"""What the policy statement says about rehearsals: which first deliveries may go without one in an emergency.

Every agreement is rehearsed once with its recipient before its first delivery. Where people would wait for a payment
because of that, the Controller may waive it, by name and with reasons, if the statement lists that criticality.
"""

from __future__ import annotations

from extracts.agreement.plan import Criticality
from extracts.catalogue.forms import Form


class RehearsalRule(Form):
    """`may_be_waived_for`: the criticalities of which the Controller may let a first delivery go without."""

    may_be_waived_for: tuple[Criticality, ...] = ()
