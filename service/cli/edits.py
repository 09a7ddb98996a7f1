"""`preread edits`: the log of what people changed in drafts: whether it is whole, and what it adds up to."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.edits_export import export
from service.cli.installed import installed
from service.cli.show import AsJson, console, rows
from service.cli.trail import audit
from service.domain.errors import Refused
from service.flow.count import recount, wrong_counts
from service.flow.words import count as counted

app = typer.Typer(name="edits", help="What people changed in drafts.", no_args_is_help=True, add_completion=False)
app.command()(export)


@app.command()
def verify(context: typer.Context) -> None:
    """Whether the edit log is whole and replays, and whether the kept numbers are those that it gives."""
    services = installed(context)
    wrong = [*services.edits.breaks()]
    wrong += wrong_counts(services.counts, services.signing, services.catalogue, services.edits)
    for sentence in wrong:
        console.print(sentence)
    if wrong:
        raise Refused(
            f"{counted(len(wrong), 'place')} of the edit log or its numbers are not as they should be (see above); "
            "wrong numbers alone are set right by `preread edits count --rebuild`"
        )
    console.print("the edit log is whole, every text can be made again, and the numbers are right")


@app.command()
def count(
    context: typer.Context,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Count anew first, while nobody signs; after an upgrade.")
    ] = False,
    json: AsJson = False,
) -> None:
    """What people made of each model's drafts, in numbers."""
    services = installed(context)
    if rebuild:
        audit(services, "numbers of the edit log are counted anew")
        services.counts.replace(recount(services.counts, services.signing, services.catalogue, services.edits))
    found = [
        {"model": each.model, "adapter": each.adapter, "prompt": each.prompt, "what": each.what, "number": each.number}
        for each in services.counts.counts()
    ]
    rows(found, ("model", "prompt", "what", "number"), as_json=json, empty="nothing was counted yet")
