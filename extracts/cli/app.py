"""All commands, put together. Heavy imports happen inside the commands, so that `verify` needs little installed."""

from __future__ import annotations

from typing import Annotated

import typer

from extracts import __version__
from extracts.cli import (
    briefings,
    collect,
    datasets,
    decisions,
    demo,
    elsewhere,
    forms,
    forum,
    keys,
    ledger,
    notices,
    orders,
    pages,
    production,
    receipts,
    rehearse,
    requests,
    reviews,
    runs,
    standing,
    system,
    verify,
)

app = typer.Typer(
    name="extracts",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Approved requests become minimised, validated, signed and encrypted extracts.",
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)] = False,
) -> None:
    """Approved requests become minimised, validated, signed and encrypted extracts."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


app.add_typer(requests.app, name="request")
requests.app.command("show")(standing.show)
requests.app.command("form")(forms.form)
requests.app.command("page")(pages.page)
requests.app.command("briefing")(briefings.briefing)
requests.app.command("counter-offer")(briefings.counter_offer)
requests.app.command("accept")(briefings.accept)
app.add_typer(reviews.app, name="review")
app.command("plan")(requests.plan)
app.command("decide", short_help="Decide on a request, and sign it.")(decisions.decide)
app.command("suspend")(orders.suspend)
app.command("resume")(orders.resume)
app.command("revoke")(orders.revoke)
app.add_typer(forms.catalogue_app, name="catalogue")
app.add_typer(datasets.app, name="dataset")
app.add_typer(runs.source_app, name="source")
app.command("rehearse")(rehearse.rehearse)
app.command("run")(runs.run)
app.command("redeliver")(runs.redeliver)
app.add_typer(runs.deliveries_app, name="deliveries")
app.command("withdraw")(receipts.withdraw)
app.command("republish")(receipts.republish)
app.command("why")(runs.why)
app.command("verify")(verify.verify)
app.command("collect")(collect.collect)
app.command("attest-destroyed")(collect.attest_destroyed)
app.add_typer(receipts.app, name="receipts")
app.add_typer(elsewhere.app, name="elsewhere")
app.add_typer(notices.app, name="notices")
app.add_typer(forum.app, name="forum")
app.add_typer(ledger.app, name="ledger")
app.add_typer(keys.app, name="keys")
app.command("publish")(system.publish)
app.add_typer(system.policy_app, name="policy")
app.add_typer(system.register_app, name="register")
app.add_typer(production.app, name="production")
app.command("settings")(system.settings)
app.command("doctor")(system.doctor)
app.command("demo")(demo.demo)
app.command("cluster")(demo.cluster)
app.command("up")(demo.up)
app.command("down")(demo.down)
