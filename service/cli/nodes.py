"""`preread nodes`: are the DICOM nodes around us there?"""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.installed import installed
from service.cli.show import AsJson, rows
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import DestinationNode
from service.ports.nodes import Nodes

app = typer.Typer(
    name="nodes", help="The DICOM nodes of the active configuration.", no_args_is_help=True, add_completion=False
)


@app.callback()
def nodes() -> None:
    """The DICOM nodes of the active configuration."""


@app.command()
def echo(
    context: typer.Context, names: Annotated[list[str] | None, typer.Argument()] = None, json: AsJson = False
) -> None:
    """Verify destinations (C-ECHO or its like); all without a name. Exit 1 if one does not answer."""
    services = installed(context)
    nodes = services.configurations.active().configuration.destinations
    unknown = set(names or ()) - {node.name for node in nodes}
    if unknown:
        known = ", ".join(node.name for node in nodes)
        raise Misconfigured(f"no destination is named {', '.join(sorted(unknown))}; known: {known}")
    found = [_ask(node, services.nodes) for node in nodes if not names or node.name in names]
    rows(found, ("name", "url", "up", "answer"), as_json=json, empty="no destination is configured")
    raise typer.Exit(int(not all(row["up"] for row in found)))


def _ask(node: DestinationNode, nodes: Nodes) -> dict[str, object]:
    destination = nodes.destination(node)
    try:
        answer, up = destination.echo(), True
    except Unavailable as error:
        answer, up = str(error), False
    finally:
        destination.close()
    return {"name": node.name, "url": node.url, "up": up, "answer": answer}
