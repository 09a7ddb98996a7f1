"""The archive of a demo: Orthanc where it is installed, else a small Storage SCP that keeps files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orthanc_api_client import OrthancApiClient
from pydicom.uid import UID

from dicom_nodes.destinations.folder import file_stem
from service.cli.fleet import preread
from service.embedded import orthanc
from service.embedded.supervisor import Process


class Archive(Protocol):
    """Where the demo's results arrive, and where they are read back from."""

    @property
    def name(self) -> str: ...

    def process(self) -> Process: ...

    def fetch(self, sop_instance_uid: str) -> bytes | None:
        """The stored object's Part 10 bytes, out of the archive itself; None if it is not there."""
        ...


@dataclass(frozen=True)
class OrthancArchive:
    """Orthanc, read back over its REST interface."""

    orthanc: orthanc.Orthanc
    server: Path
    name: str = "Orthanc"

    def process(self) -> Process:
        return Process(name="archive", command=self.orthanc.command(self.server))

    def fetch(self, sop_instance_uid: str) -> bytes | None:
        client = OrthancApiClient(self.orthanc.url)
        found: str | None = client.instances.lookup(sop_instance_uid)
        content: bytes | None = client.instances.get_file(found) if found else None
        return content


@dataclass(frozen=True)
class KeepingArchive:
    """Our own small archive, read back from its folder."""

    folder: Path
    port: int
    ae_title: str = "ARCHIVE"
    name: str = "a small archive (Orthanc is not installed)"

    def process(self) -> Process:
        arguments = ("archive", str(self.folder), "--port", str(self.port), "--ae-title", self.ae_title)
        return Process(name="archive", command=preread(*arguments), environment=dict(os.environ))

    def fetch(self, sop_instance_uid: str) -> bytes | None:
        file = self.folder / f"{file_stem(UID(sop_instance_uid))}.dcm"
        return file.read_bytes() if file.is_file() else None


def choose(folder: Path, ports: Sequence[int], peers: dict[str, tuple[str, int]]) -> Archive:
    """The archive for a demo in `folder` on two free `ports` (DICOM, HTTP)."""
    server = orthanc.find()
    if server is None:
        return KeepingArchive(folder, ports[0])
    found = orthanc.Orthanc(folder=folder, dicom_port=ports[0], http_port=ports[1], peers=peers)
    return OrthancArchive(found, server)
