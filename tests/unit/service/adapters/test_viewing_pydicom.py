"""What a viewer is sent of an object: its frames, header and pictures, read in a bounded child."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from service.adapters.viewing_pydicom import PydicomViewing
from service.domain.errors import PrereadError, Unreadable, Unsupported
from service.domain.study import Instance, StoredInstance
from service.ports.viewing import Look
from tests.support.instances import hostile, instance, part10

BASE = "http://here/bulkdata"
Keep = Callable[[bytes], StoredInstance]
RAMP = (np.arange(64) * 16).astype("<u2").reshape(8, 8)
LARGE = np.kron(RAMP, np.ones((8, 8))).astype("<u2")
NOT_DECODED = {"RG3_JPLY.dcm", "NM1_JPLY.dcm", "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm"}
"""12 bits in a process that only a decoder under the GPL reads."""


def opener(location: str) -> BinaryIO:
    return Path(location).open("rb")


def stored(path: Path) -> StoredInstance:
    one = UID("1.2.3")
    made = Instance(
        sop_class_uid=one, sop_instance_uid=one, series_instance_uid=one, study_instance_uid=one,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )  # fmt: skip
    return StoredInstance(instance=made, location=str(path), sha256="", size=0)


@pytest.fixture(scope="module")
def viewing() -> Iterator[PydicomViewing]:
    made = PydicomViewing(opener, children=1)
    yield made
    made.close()


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    def kept(data: bytes) -> StoredInstance:
        (tmp_path / "object.dcm").write_bytes(data)
        return stored(tmp_path / "object.dcm")

    return kept


def compressed(syntax: UID = JPEG2000Lossless, **more: Any) -> Dataset:
    dataset = instance(PixelData=LARGE.tobytes(), Rows=64, Columns=64, **more)
    dataset.file_meta = dcmread(BytesIO(part10(instance()))).file_meta
    dataset.compress(syntax, generate_instance_uid=False)
    return dataset


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_an_uncompressed_frame_is_sent_as_it_lies_there(viewing: PydicomViewing, keep: Keep, syntax: UID) -> None:
    two = np.stack([RAMP, RAMP[::-1]])
    kept = keep(part10(instance(NumberOfFrames=2, PixelData=two.tobytes()), syntax))
    sent = viewing.frame(kept, 2, as_stored=True)
    assert (bytes(sent.body), sent.syntax) == (two[1].tobytes(), ExplicitVRLittleEndian)


def test_a_big_endian_frame_is_turned_round(viewing: PydicomViewing, keep: Keep) -> None:
    kept = keep(part10(instance(PixelData=RAMP.astype(">u2").tobytes()), ExplicitVRBigEndian))
    assert viewing.frame(kept, 1, as_stored=True).body == RAMP.tobytes()
    assert np.array_equal(dcmread(BytesIO(viewing.decoded(kept))).pixel_array, RAMP)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_a_compressed_frame_is_sent_as_stored_only_to_whoever_takes_that(
    viewing: PydicomViewing, keep: Keep, syntax: UID
) -> None:
    kept = keep(part10(compressed(syntax), syntax))
    assert viewing.frame(kept, 1, as_stored=True).syntax == syntax
    sent = viewing.frame(kept, 1, as_stored=False)
    assert (sent.body, sent.syntax) == (LARGE.tobytes(), ExplicitVRLittleEndian)


@pytest.mark.parametrize("lie", [{"PixelRepresentation": 1}, {"BitsStored": 16, "HighBit": 15}])
def test_where_header_and_codestream_disagree_the_frame_is_decoded(
    viewing: PydicomViewing, keep: Keep, lie: dict[str, int]
) -> None:
    dataset = compressed()
    for keyword, value in lie.items():
        setattr(dataset, keyword, value)
    kept = keep(part10(dataset, JPEG2000Lossless))
    sent = viewing.frame(kept, 1, as_stored=True)
    assert sent.syntax == ExplicitVRLittleEndian
    assert sent.body == pixel_array(BytesIO(part10(dataset, JPEG2000Lossless))).astype("<u2").tobytes()


def test_an_object_is_decoded_whole(viewing: PydicomViewing, keep: Keep) -> None:
    made = dcmread(BytesIO(viewing.decoded(keep(part10(compressed(), JPEG2000Lossless)))))
    assert made.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(made.pixel_array, LARGE)
    assert made.PatientName == "Müller^Anna"


def test_metadata_is_the_header_with_addresses_for_what_is_large(viewing: PydicomViewing, keep: Keep) -> None:
    dataset = instance()
    dataset.add_new(0x00091010, "OB", bytes(2000))
    item = Dataset()
    item.add_new(0x00283006, "OW", bytes(range(250)) * 10)
    dataset.ModalityLUTSequence = [item]
    kept = keep(part10(dataset))
    told = json.loads(viewing.metadata(kept, base=BASE))
    assert told["00100010"]["Value"] == [{"Alphabetic": "Müller^Anna"}]
    assert told["00083002"]["Value"] == [ExplicitVRLittleEndian]
    assert told["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{BASE}/7FE00010"}
    assert "00020010" not in told
    nested = told["00283000"]["Value"][0]["00283006"]["BulkDataURI"]
    assert viewing.bulk(kept, nested.removeprefix(f"{BASE}/")) == bytes(range(250)) * 10
    assert viewing.bulk(kept, "7FE00010") == bytes(range(128))


def test_a_value_that_breaks_its_own_kind_leaves_the_others_to_be_told(viewing: PydicomViewing, keep: Keep) -> None:
    raw = part10(instance(PatientWeight="70.0")).replace(b"70.0", b"7o,0")
    told = json.loads(viewing.metadata(keep(raw), base=BASE))
    assert told["00101030"].get("Value") != [70.0]
    assert told["00100020"]["Value"] == ["4711"]


def test_numbers_that_json_has_no_word_for_are_text(viewing: PydicomViewing, keep: Keep) -> None:
    dataset = instance()
    dataset.add_new(0x00186028, "FD", float("nan"))
    assert json.loads(viewing.metadata(keep(part10(dataset)), base=BASE))["00186028"]["Value"] == ["NaN"]


@pytest.mark.parametrize("path", ["00189999", "00100010", "0028300", "x", "../etc", "00283000/5/00283006"])
def test_an_address_without_bulk_data_has_none(viewing: PydicomViewing, keep: Keep, path: str) -> None:
    with pytest.raises(Unsupported):
        viewing.bulk(keep(part10(instance())), path)


def test_a_picture_is_drawn_in_its_window_and_fits_its_viewport(viewing: PydicomViewing, keep: Keep) -> None:
    kept = keep(part10(instance(PixelData=RAMP.tobytes())))
    wide = Image.open(BytesIO(viewing.picture(kept, 1, Look(png=True, window=(512, 1024, "LINEAR_EXACT")))))
    dark = Image.open(BytesIO(viewing.picture(kept, 1, Look(png=True, window=(4000, 2, "LINEAR")))))
    small = Image.open(BytesIO(viewing.picture(kept, 1, Look(viewport=(4, 100)))))
    assert (wide.size, wide.format, wide.getextrema()) == ((8, 8), "PNG", (0, 251))
    assert dark.getextrema() == (0, 0)
    assert (small.size, small.format) == ((4, 4), "JPEG")


def test_what_is_shorter_than_its_header_says_is_not_sent(viewing: PydicomViewing, keep: Keep) -> None:
    with pytest.raises(Unreadable, match="shorter"):
        viewing.frame(keep(part10(instance(PixelData=bytes(100)))), 1, as_stored=True)


@pytest.mark.parametrize("name", sorted(hostile()))
def test_hostile_objects_harm_nobody(viewing: PydicomViewing, keep: Keep, name: str) -> None:
    kept = keep(hostile()[name])
    with contextlib.suppress(PrereadError):
        viewing.metadata(kept, base=BASE)
    assert viewing.frame(_good(kept), 1, as_stored=False).body == bytes(range(128))


def _good(kept: StoredInstance) -> StoredInstance:
    path = Path(kept.location).with_name("good.dcm")
    path.write_bytes(part10(instance()))
    return stored(path)


def test_every_real_file_has_the_pixels_that_pydicom_reads(viewing: PydicomViewing, test_data: Path) -> None:
    compared = []
    for path in sorted((test_data / "ts").iterdir()):
        if path.name in NOT_DECODED:
            with pytest.raises(Unsupported, match="Nothing here decodes"):
                viewing.frame(stored(path), 1, as_stored=False)
            continue
        dataset = dcmread(path)
        wanted = pixel_array(dataset, index=0)
        sent = np.frombuffer(viewing.frame(stored(path), 1, as_stored=False).body, wanted.dtype.newbyteorder("<"))
        assert np.array_equal(sent, wanted.ravel()), path.name
        compared.append(path.name)
    assert len(compared) == 12
