"""`preread complete`: what the model that read a study would write next in its report."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from pydicom.uid import UID

from service.cli.installed import installed
from service.cli.show import AsJson, Unknown, console, harmless, rows
from service.cli.trail import audit
from service.domain.errors import Misconfigured
from service.flow.complete import begun, prompt_of, reading_of
from service.flow.complete import complete as write_on
from service.ports.halt import Halt


def complete(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="Study Instance UID.")],
    prefix: Annotated[str, typer.Option(help="The report as far as it is written; - reads it from standard input.")],
    cursor: Annotated[int | None, typer.Option(min=0, help="Characters before the cursor; all if left out.")] = None,
    job: Annotated[str, typer.Option(help="The draft's job; the newest if left out.")] = "",
    image: Annotated[str, typer.Option(help="SOP Instance UID to look at; the images read if left out.")] = "",
    json: AsJson = False,
) -> None:
    """Write on from the cursor, and name what the unprompted reading of STUDY does not carry. Changes nothing."""
    services = installed(context)
    record, stored = services.catalogue.record(UID(study)), services.ledger.study(UID(study))
    if record is None or stored is None:
        raise Unknown(f"no study {study} was received; `preread studies` shows the newest")
    audit(services, "completion asked for", study_instance_uid=study)
    try:
        text = begun(sys.stdin.read() if prefix == "-" else prefix, cursor)
    except ValueError as error:
        raise Misconfigured(f"--cursor: {error}") from error
    reading = reading_of(record, job)
    prompt = prompt_of(reading, stored, services.prompts, begun=text, image=image)

    def show(piece: str) -> None:
        if not json:
            console.print(harmless(piece), end="")

    written = write_on(prompt, reading, services.models, begun=text, on_text=show, halt=Halt())
    if json:
        who = written.algorithm
        found = {"text": written.text, "unsupported": written.unsupported}
        rows([{**found, "model": who.name, "version": who.version, "digest": who.digest}], (), as_json=True)
        return
    console.print("" if written.text else "(nothing to add)")
    for reason in written.unsupported:
        console.print(harmless(f"not supported: {reason}"))
