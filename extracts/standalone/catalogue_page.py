"""The catalogue as one page: what is held, in which forms, how fresh, whose it is, and what it may be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from extracts.catalogue.offered import Offered
from extracts.standalone.frame import render


def catalogue_page(offered: Sequence[Offered], today: date) -> str:
    """The page as HTML text: self-contained, printable, without a program."""
    return render(
        "catalogue_page.html", style="request_form.css", title="What can be asked for", offered=offered, today=today
    )
