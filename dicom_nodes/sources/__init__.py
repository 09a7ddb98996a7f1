"""Sources of earlier studies by URL scheme: one file each, with `SCHEMES` and `open_source`.

DICOMweb is here; C-FIND with C-MOVE and Orthanc's REST API are further files with the same two names.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from dicom_nodes.sources import dicomweb
from service.domain.errors import Misconfigured
from service.domain.prior import PriorNode
from service.ports.priors import PriorSource

_PLUG_INS = (dicomweb,)


class PriorSources:
    """`service.ports.priors.Priors`."""

    def source(self, node: PriorNode) -> PriorSource:
        scheme = urlsplit(node.url).scheme
        for plug_in in _PLUG_INS:
            if scheme in plug_in.SCHEMES:
                opened: PriorSource = plug_in.open_source(node)
                return opened
        known = ", ".join(scheme for plug_in in _PLUG_INS for scheme in plug_in.SCHEMES)
        raise Misconfigured(f"Priors {node.name}: nothing here asks {node.url!r}; schemes are {known}.")
