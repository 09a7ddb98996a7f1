"""Send files to a DICOM node, as they are stored: the SCU of `preread demo` and of tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dicom_nodes.association import Peer
from dicom_nodes.destinations.dimse import DimseDestination
from service.adapters.part10 import Part10Headers
from service.domain.errors import Unavailable, Unreadable
from service.domain.study import Instance
from service.ports.destination import Answered, Parcel


@dataclass(frozen=True, slots=True)
class Sent:
    """One file and what became of it; `status` is a sentence or a DIMSE status in words."""

    path: Path
    stored: bool
    status: str
    study_instance_uid: str = ""
    """Empty where the file could not be read."""


def send(paths: Iterable[Path], *, host: str, port: int, called_ae: str, calling_ae: str = "PREREAD") -> list[Sent]:
    """C-STORE every file over one association, in order, proposing exactly what the files are."""
    headers = Part10Headers(children=1)
    parcels: list[tuple[Path, Parcel]] = []
    studies: dict[Path, str] = {}
    unread: dict[Path, str] = {}
    everything = list(paths)
    for path in everything:
        try:
            instance = _instance(path, headers)
            studies[path] = instance.study_instance_uid
            parcels.append((path, _parcel(path, instance)))
        except (OSError, Unreadable, Unavailable) as why:
            unread[path] = f"cannot be read: {why}"
    headers.close()
    peer = Peer(called_ae=called_ae, host=host, port=port, calling_ae=calling_ae)
    destination = DimseDestination(peer, opener=_open)
    results = destination.store([parcel for _, parcel in parcels]) if parcels else ()
    destination.close()
    sent = {
        path: Sent(path, result.answered is Answered.STORED, result.status, studies[path])
        for (path, _), result in zip(parcels, results, strict=True)
    }
    return [sent.get(path) or Sent(path, False, unread[path]) for path in everything]


def _instance(path: Path, headers: Part10Headers) -> Instance:
    with path.open("rb") as part10:
        return headers.read(part10).instance


def _open(location: str) -> BinaryIO:
    return Path(location).open("rb")


def _parcel(path: Path, instance: Instance) -> Parcel:
    return Parcel(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        location=str(path),
    )
