"""Nodes: opens the destination of a configured node."""

from __future__ import annotations

import threading

from dicom_nodes.destinations import open_destination
from service.domain.node import DestinationNode
from service.ports.destination import Destination, Opener


class ConfiguredNodes:
    """`service.ports.nodes.Nodes`: every call opens a destination of its own, which the caller closes."""

    def __init__(self, *, calling_ae: str, opener: Opener) -> None:
        self._calling_ae = calling_ae
        self._opener = opener

    def destination(self, node: DestinationNode) -> Destination:
        return open_destination(node, calling_ae=node.calling_ae_title or self._calling_ae, opener=self._opener)


class KeptNodes:
    """`service.ports.nodes.Nodes`: one destination a node, kept for the next batch; nobody closes it."""

    def __init__(self, nodes: ConfiguredNodes) -> None:
        self._nodes = nodes
        self._kept: dict[DestinationNode, Destination] = {}
        self._lock = threading.Lock()

    def destination(self, node: DestinationNode) -> Destination:
        with self._lock:
            if node not in self._kept:
                self._kept[node] = self._nodes.destination(node)
            return self._kept[node]
