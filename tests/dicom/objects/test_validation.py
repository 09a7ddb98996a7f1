"""Each kind of object from one source before every judge, Orthanc included; `./run.sh validate` takes every source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_nodes.objects import encoders
from tests.support.judging import Archive, archive, encoded, judged
from tests.support.sources import PHANTOM, Source, charsets, read

pytestmark = pytest.mark.dicom


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with archive(tmp_path_factory.mktemp("archive")) as found:
        if found is None:
            pytest.skip("Orthanc with its DICOMweb plug-in is not installed")
        yield found


@pytest.fixture(scope="module")
def phantom() -> Source:
    return read("synthetic CXR", PHANTOM)


@pytest.mark.parametrize("role", encoders())
def test_no_judge_finds_an_error(role: str, phantom: Source, kept: Archive, tmp_path: Path) -> None:
    encoder = encoders()[role]
    verdicts = judged(encoded(encoder, phantom), encoder, phantom, tmp_path, kept, slow=False)
    assert {verdict.judge: verdict.errors for verdict in verdicts if verdict.errors} == {}


@pytest.mark.slow
def test_a_name_in_any_character_set_reaches_the_archive_and_comes_back(
    test_data: Path, kept: Archive, tmp_path: Path
) -> None:
    sources = list(charsets(test_data))
    assert len(sources) >= 7
    for source in sources:
        for role in ("basic-text-sr", "tid1500", "encapsulated-pdf"):
            encoder = encoders()[role]
            verdicts = judged(encoded(encoder, source), encoder, source, tmp_path, kept, slow=False)
            wrong = {verdict.judge: verdict.errors for verdict in verdicts if verdict.errors}
            assert wrong == {}, (source.name, role)
