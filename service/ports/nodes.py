"""Nodes: opens what stands behind a configured node."""

from __future__ import annotations

from typing import Protocol

from service.domain.node import DestinationNode
from service.ports.destination import Destination


class Nodes(Protocol):
    def destination(self, node: DestinationNode) -> Destination:
        """The plug-in for the node's URL. Raises Misconfigured for a scheme that none handles."""
        ...
