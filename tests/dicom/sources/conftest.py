"""One real Orthanc for every way in which earlier studies are found and fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from service.adapters.part10 import Part10Headers
from service.domain.prior import Retrieve
from service.embedded import orthanc
from service.embedded.ports import choose_free
from tests.support.installation import OrthancServer
from tests.support.judging import PLUGIN
from tests.support.priors import an_image


@dataclass(frozen=True)
class Asked:
    """The Orthanc, and how a `[[priors]]` asks it."""

    server: OrthancServer
    move_port: int

    def by(self, way: str) -> dict[str, object]:
        """Keys of a node for `dicomweb`, `orthanc`, `get` or `move`."""
        if way == "dicomweb":
            if not PLUGIN.is_file():
                pytest.skip("Orthanc's DICOMweb plug-in is not installed")
            return {"url": f"dicomweb+{self.server.archive.url}/dicom-web"}
        if way == "orthanc":
            return {"url": f"orthanc+{self.server.archive.url}"}
        url = f"dicom://ARCHIVE@127.0.0.1:{self.server.archive.dicom_port}"
        moved = {"move_ae_title": "PREREAD_MOVE", "move_port": self.move_port} if way == "move" else {}
        return {"url": url, "retrieve": Retrieve(way), **moved}


@pytest.fixture(scope="package")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    program = orthanc.find()
    if program is None:
        pytest.skip("Orthanc is not installed")
    dicom_port, http_port, move_port = choose_free(3)
    us = {"Host": "127.0.0.1", "Port": move_port, "AllowFind": True, "AllowGet": True, "AllowMove": True}
    peers = {"preread": {"AET": "PREREAD", **us}, "move": {"AET": "PREREAD_MOVE", **us}}
    plugin = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}
    described = orthanc.Orthanc(
        folder=tmp_path_factory.mktemp("archive") / "orthanc",
        dicom_port=dicom_port,
        http_port=http_port,
        options={"DicomModalities": peers, **(plugin if PLUGIN.is_file() else {})},
    )
    server = OrthancServer(described, program)
    server.start()
    try:
        for stored in (
            an_image("older", StudyDate="20240101"),
            an_image("prior"),
            an_image("prior", SOPInstanceUID="1.2.826.0.1.3680043.10.77.5"),
            an_image("other person", PatientBirthDate="19991231", StudyDate="20251231"),
            an_image("of another issuer", IssuerOfPatientID="ELSEWHERE", StudyDate="20251229"),
            an_image("other modality", Modality="US", StudyDate="20251230"),
        ):
            server.client.upload(stored)
        yield Asked(server, move_port)
    finally:
        server.stop()


@pytest.fixture(scope="package")
def headers() -> Iterator[Part10Headers]:
    found = Part10Headers(children=1)
    yield found
    found.close()
