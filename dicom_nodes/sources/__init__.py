"""Sources of earlier studies by URL scheme: one file each, with `SCHEMES` and `open_source`.

DICOMweb, Orthanc's own interface, and C-FIND with C-GET or C-MOVE are here; another one is a further file with the same
two names. A source finds and brings; whose a study is, it does not judge (`service.flow.priors`).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from dicom_nodes.sources import dicomweb, dimse, orthanc
from dicom_nodes.sources.listening import Listening
from service.domain.errors import Misconfigured
from service.domain.prior import PriorNode, Retrieve
from service.ports.priors import PriorSource
from service.settings import Scp

_PLUG_INS = (dicomweb, orthanc, dimse)


class PriorSources:
    """`service.ports.priors.Priors`."""

    def __init__(self, scp: Scp | None = None) -> None:
        """`scp` is our receiver: by its AE title nodes are asked, and on its host moved images are received."""
        self._listening = Listening(scp or Scp())

    def source(self, node: PriorNode) -> PriorSource:
        scheme = urlsplit(node.url).scheme
        if node.retrieve is Retrieve.MOVE and scheme not in dimse.SCHEMES:
            raise Misconfigured(f'Priors {node.name}: retrieve = "move" is for a dicom:// URL; leave it out.')
        for plug_in in _PLUG_INS:
            if scheme in plug_in.SCHEMES:
                opened: PriorSource = plug_in.open_source(node, self._listening)
                return opened
        known = ", ".join(scheme for plug_in in _PLUG_INS for scheme in plug_in.SCHEMES)
        raise Misconfigured(f"Priors {node.name}: nothing here asks {node.url!r}; schemes are {known}.")
