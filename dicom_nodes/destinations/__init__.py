"""Destinations by URL scheme: one file each, with `SCHEMES` and `open_node`; a site adds its own by entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from dicom_nodes.destinations import dimse, folder
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import DestinationNode
from service.ports.destination import Destination, Opener

ENTRY_POINTS = "preread.destinations"


class OpenNode(Protocol):
    """What a plug-in's `open_node` is: connects to nothing, raises Misconfigured for a URL it cannot use."""

    def __call__(self, node: DestinationNode, *, calling_ae: str, opener: Opener) -> Destination: ...


def open_destination(node: DestinationNode, *, calling_ae: str, opener: Opener) -> Destination:
    """The destination of a node. Raises Misconfigured for a scheme that no plug-in handles or a wrong URL."""
    scheme = urlsplit(node.url).scheme
    opens = _plug_ins().get(scheme)
    if opens is None:
        known = ", ".join(sorted(_plug_ins()))
        raise Misconfigured(f"Destination {node.name}: no plug-in handles {node.url!r}; schemes are {known}.")
    return opens()(node, calling_ae=calling_ae, opener=opener)


def check_destination(node: DestinationNode) -> None:
    """Whether the node's destination opens; nothing is connected. Raises Misconfigured with the remedy."""
    open_destination(node, calling_ae=node.calling_ae_title or "PREREAD", opener=_nothing).close()


def _nothing(location: str) -> BinaryIO:
    raise Unavailable("a check sends nothing")


def schemes() -> tuple[str, ...]:
    """URL schemes that some plug-in handles."""
    return tuple(sorted(_plug_ins()))


@cache
def _plug_ins() -> Mapping[str, Callable[[], OpenNode]]:
    """Openers by scheme, a site's own first loaded when they are asked for."""
    ours: dict[str, Callable[[], OpenNode]] = {}
    for plug_in in (dimse, folder):
        opens: OpenNode = plug_in.open_node
        ours |= {scheme: lambda opens=opens: opens for scheme in plug_in.SCHEMES}
    return ours | {point.name: point.load for point in entry_points(group=ENTRY_POINTS)}
