"""Listening: as whom we ask for earlier studies, and where an archive moves their images to."""

from __future__ import annotations

import ipaddress
import socket

from dicom_nodes.scp.landing import Landing
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import Source
from service.domain.prior import PriorNode
from service.ports.priors import Begin, Left
from service.settings import Scp

_MOST_ASSOCIATIONS = 4


class Listening:
    """What our receiver's settings say of it."""

    def __init__(self, scp: Scp) -> None:
        self._scp = scp

    @property
    def calling_ae(self) -> str:
        return self._scp.ae_title

    def check(self, node: PriorNode) -> None:
        """Raise Misconfigured where images cannot be moved to us, or would arrive as new studies."""
        if not node.move_ae_title or not node.move_port:
            raise Misconfigured(
                f'Priors {node.name}: retrieve = "move" needs move_ae_title and move_port, which the archive knows.'
            )
        if node.move_ae_title == self._scp.ae_title or node.move_port == self._scp.port:
            raise Misconfigured(
                f"Priors {node.name}: move_ae_title and move_port must be others than the receiver's, where everything"
                " that comes is a new study."
            )

    def landing(self, node: PriorNode, host: str, *, begin: Begin, left_s: Left) -> Landing:
        """Open to the node's own addresses. Raises Unavailable if its name has none."""
        networks = node.networks or _addresses(host, node)
        source = Source(name=node.name, ae_title="*", networks=networks)
        scp = Scp(
            ae_title=node.move_ae_title,
            host=self._scp.host,
            port=node.move_port,
            max_pdu=self._scp.max_pdu,
            max_associations=_MOST_ASSOCIATIONS,
            max_object_bytes=node.max_object_bytes,
        )
        return Landing(scp, source, begin=begin, left_s=left_s)


def _addresses(host: str, node: PriorNode) -> tuple[str, ...]:
    try:
        found = {str(entry[4][0]).split("%")[0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise Unavailable(f"{node.name} cannot be found: {error.strerror or error}") from error
    return tuple(str(ipaddress.ip_network(address)) for address in sorted(found))
