"""Sources of earlier studies by URL scheme: one file each, with `SCHEMES` and `open_source`.

DICOMweb and C-FIND with C-GET are here; another one is a further file with the same two names.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from dicom_nodes.sources import dicomweb, dimse
from service.domain.errors import Misconfigured
from service.domain.prior import PriorNode
from service.ports.priors import PriorSource

_PLUG_INS = (dicomweb, dimse)


class PriorSources:
    """`service.ports.priors.Priors`."""

    def __init__(self, *, calling_ae: str = "PREREAD") -> None:
        """`calling_ae` is our title where a node is asked."""
        self._calling_ae = calling_ae

    def source(self, node: PriorNode) -> PriorSource:
        scheme = urlsplit(node.url).scheme
        for plug_in in _PLUG_INS:
            if scheme in plug_in.SCHEMES:
                opened: PriorSource = plug_in.open_source(node, calling_ae=self._calling_ae)
                return opened
        known = ", ".join(scheme for plug_in in _PLUG_INS for scheme in plug_in.SCHEMES)
        raise Misconfigured(f"Priors {node.name}: nothing here asks {node.url!r}; schemes are {known}.")
