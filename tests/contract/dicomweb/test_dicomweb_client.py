"""The DICOMweb side, asked by a client that nobody here wrote (dicomweb-client), over a real ledger and spool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from PIL import Image
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless
from requests.exceptions import HTTPError

from service.domain.account import Role
from service.domain.errors import Unreadable
from service.ports.catalogue import StudyQuery
from service.web.app import create_app
from service.web.dicomweb.resources import Where
from tests.support.instances import instance, part10, uid
from tests.support.serve import served
from tests.support.viewable import Shelf, shelf

STUDY, SERIES = uid("study"), uid("series")
SIZE = 64


def slice_(number: int) -> np.ndarray:
    return ((np.arange(SIZE * SIZE) * (number + 1)) % 4096).astype("<u2").reshape(SIZE, SIZE)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """Two series: three slices, one of them compressed; and another patient's study."""
    with shelf(tmp_path_factory.mktemp("shelf")) as made:
        files = []
        for number in range(3):
            one = instance(
                f"slice {number}", InstanceNumber=number + 1, Rows=SIZE, Columns=SIZE, SeriesNumber=4,
                PixelData=slice_(number).tobytes(), RescaleIntercept=-1024, RescaleSlope=1,
            )  # fmt: skip
            one.file_meta = dcmread(BytesIO(part10(instance()))).file_meta
            if number == 1:
                one.compress(JPEG2000Lossless, generate_instance_uid=False)
            files.append(part10(one, one.file_meta.TransferSyntaxUID))
        other = instance("other", PatientID="4712", PatientName="Other^One", StudyInstanceUID=uid("second"),
                         SeriesInstanceUID=uid("second series"), StudyDate="20250101")  # fmt: skip
        made.keep(*files, part10(other))
        yield made


@pytest.fixture(scope="module")
def address(full: Shelf) -> Iterator[str]:
    with served(create_app(full.services(), watch_nodes=False)) as where:
        yield f"{where}/dicom-web"


@pytest.fixture(scope="module")
def remote(full: Shelf, address: str) -> DICOMwebClient:
    session = create_session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {full.house.token(Role.VIEWER)}"
    return DICOMwebClient(address, session=session)


def named(number: int) -> str:
    return str(uid("instance", f"slice {number}"))


def test_studies_are_found_by_patient_date_and_modality(remote: DICOMwebClient) -> None:
    for filters in (
        {"PatientID": "4711"}, {"00100020": "4711"}, {"StudyDate": "20260101-20260131"}, {"PatientName": "müller*"},
        {"ModalitiesInStudy": "CT", "AccessionNumber": "A1", "PatientID": "4711"},
    ):  # fmt: skip
        (found,) = remote.search_for_studies(search_filters=filters)
        assert found["0020000D"]["Value"] == [STUDY]
        assert (found["00201206"]["Value"], found["00201208"]["Value"]) == ([1], [3])
    assert len(remote.search_for_studies()) == 2
    assert len(remote.search_for_studies(limit=1, offset=1)) == 1
    assert remote.search_for_studies(search_filters={"PatientID": "471"}) == []


def test_series_and_instances_are_found(remote: DICOMwebClient) -> None:
    (series,) = remote.search_for_series(STUDY)
    assert series["0020000E"]["Value"] == [SERIES]
    found = remote.search_for_instances(STUDY, SERIES)
    assert [each["00080018"]["Value"][0] for each in found] == [named(number) for number in range(3)]
    (second,) = remote.search_for_instances(STUDY, search_filters={"InstanceNumber": "2"})
    assert second["00083002"]["Value"] == [JPEG2000Lossless]


def test_a_study_is_retrieved_as_stored_and_decoded(remote: DICOMwebClient) -> None:
    for syntaxes in ((("application/dicom", "*"),), ("application/dicom",)):
        made = remote.retrieve_study(STUDY, media_types=syntaxes)
        assert len(made) == 3
        for dataset in made:
            number = int(dataset.InstanceNumber) - 1
            assert np.array_equal(dataset.pixel_array, slice_(number))


def test_metadata_and_its_bulk_data_are_retrieved(remote: DICOMwebClient, address: str) -> None:
    told = remote.retrieve_series_metadata(STUDY, SERIES)
    assert [each["00200013"]["Value"] for each in told] == [[1], [2], [3]]
    path = urlsplit(told[1]["7FE00010"]["BulkDataURI"]).path  # this client names the host without its port
    (pixels,) = remote.retrieve_bulkdata(urljoin(address, path))
    assert pixels == slice_(1).tobytes()


def test_frames_are_retrieved_decoded_and_as_stored(remote: DICOMwebClient) -> None:
    (plain,) = remote.retrieve_instance_frames(STUDY, SERIES, named(1), [1])
    assert plain == slice_(1).tobytes()
    (kept,) = remote.retrieve_instance_frames(
        STUDY, SERIES, named(1), [1], media_types=(("image/jp2", JPEG2000Lossless),)
    )
    assert kept.startswith(b"\xff\x4f\xff\x51")


def test_a_picture_is_rendered(remote: DICOMwebClient) -> None:
    drawn = remote.retrieve_instance_rendered(
        STUDY, SERIES, named(0), media_types=("image/png",), params={"window": "1024,2048,linear"}
    )
    assert Image.open(BytesIO(drawn)).size == (SIZE, SIZE)


def test_what_is_not_here_is_not_found(remote: DICOMwebClient) -> None:
    with pytest.raises(HTTPError, match="404"):
        remote.retrieve_study_metadata("1.2.3")


def test_a_stranger_gets_nothing(address: str) -> None:
    assert httpx.get(f"{address}/studies", timeout=60).status_code == 401


def test_bytes_that_are_gone_are_said_to_be(full: Shelf, remote: DICOMwebClient, address: str) -> None:
    lost = instance("lost", StudyInstanceUID=uid("lost"), SeriesInstanceUID=uid("lost series"))
    full.keep(part10(lost))
    stored = full.ledger.find_instance(lost.SOPInstanceUID)
    assert stored is not None
    full.spool.remove(stored.location)
    where = f"{address}/studies/{uid('lost')}/series/{uid('lost series')}/instances/{lost.SOPInstanceUID}"
    headers = {"Authorization": f"Bearer {full.house.token(Role.VIEWER)}"}
    for path in ("", "/metadata", "/frames/1", "/rendered", "/bulkdata/7FE00010"):
        assert httpx.get(f"{where}{path}", headers=headers, timeout=60).status_code == 410, path


def test_every_real_file_comes_back_as_it_was(tmp_path: Path, test_data: Path) -> None:
    """Some of them are one picture in several syntaxes, under one UID: the first is kept, or the last correction."""
    with shelf(tmp_path) as made:
        for path in sorted((test_data / "ts").iterdir()):
            with suppress(Unreadable):  # a file without a Series Instance UID
                made.keep(path.read_bytes())
        token = made.house.token(Role.VIEWER)
        headers = {"Authorization": f"Bearer {token}", "accept": "application/dicom; transfer-syntax=*"}
        studies = [made.ledger.study(row.study_instance_uid) for row in made.ledger.studies(StudyQuery())]
        kept = [stored for study in studies if study for stored in study.instances]
        with served(create_app(made.services(), watch_nodes=False)) as address:
            for stored in kept:
                answer = httpx.get(Where(f"{address}/dicom-web").instance(stored.instance), headers=headers, timeout=60)
                assert answer.status_code == 200
                assert hashlib.sha256(answer.content).hexdigest() == stored.sha256
        assert len(kept) >= 8
