"""Frames out of stored objects: decoded in a bounded child, refused with a reason."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from service.adapters.pixels_pydicom import PydicomPixels
from service.domain.errors import Unreadable, Unsupported
from service.domain.geometry import Plane, volume
from service.domain.image_model import Values
from service.domain.study import Instance, StoredInstance
from service.ports.pixels import Frame
from tests.support.instances import instance, part10

READABLE_SYNTAXES = 11
Read = Callable[..., Frame]


def stored(location: str) -> StoredInstance:
    one = UID("1.2.3")
    made = Instance(
        sop_class_uid=CTImageStorage, sop_instance_uid=one, series_instance_uid=one, study_instance_uid=one,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )  # fmt: skip
    return StoredInstance(instance=made, location=location, sha256="", size=0)


def opener(location: str) -> BinaryIO:
    return Path(location).open("rb")


@pytest.fixture(scope="module")
def pixels() -> Iterator[PydicomPixels]:
    made = PydicomPixels(opener)
    yield made
    made.close()


@pytest.fixture
def read(pixels: PydicomPixels, tmp_path: Path) -> Read:
    def reads(data: bytes, frame: int = 1) -> Frame:
        path = tmp_path / "object.dcm"
        path.write_bytes(data)
        return pixels.read(stored(str(path)), frame)

    return reads


def test_a_frame_has_its_pixels_spacing_and_number(read: Read) -> None:
    ramp = np.arange(64, dtype="<u2") * 16
    frame = read(
        part10(instance(PixelData=ramp.tobytes(), PixelSpacing=[0.5, 0.25], WindowCenter=512, WindowWidth=1024))
    )
    assert frame.pixels.shape == (8, 8)
    assert frame.pixels.dtype == np.uint16
    assert (np.diff(frame.pixels.ravel().astype(int)) > 0).all()
    assert frame.spacing_mm == (0.5, 0.25)
    assert frame.frame == 1


def test_modality_units_are_signed_whole_numbers_whatever_the_window(pixels: PydicomPixels, tmp_path: Path) -> None:
    given = np.arange(64, dtype="<u2") * 64
    dataset = instance(
        PixelData=given.tobytes(), RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400,
        PixelPaddingValue=4032, ImagePositionPatient=[1, 2, 3.5], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    )  # fmt: skip
    path = tmp_path / "object.dcm"
    path.write_bytes(part10(dataset))
    frame = pixels.read(stored(str(path)), values=Values.MODALITY)
    assert frame.pixels.dtype == np.int16
    assert frame.pixels.ravel()[:63].tolist() == [64 * number - 1024 for number in range(63)]
    assert frame.pixels.ravel()[63] == -1024, "padding is as dark as the darkest of the rest"
    assert frame.plane == Plane(
        position_mm=(1, 2, 3.5), row_direction=(1, 0, 0), column_direction=(0, 1, 0), spacing_mm=frame.spacing_mm
    )


def test_a_colour_picture_has_no_modality_units(pixels: PydicomPixels, tmp_path: Path) -> None:
    path = tmp_path / "object.dcm"
    colours = instance(
        PhotometricInterpretation="RGB", SamplesPerPixel=3, PlanarConfiguration=0, BitsAllocated=8, BitsStored=8,
        HighBit=7, PixelData=bytes(192),
    )  # fmt: skip
    path.write_bytes(part10(colours))
    with pytest.raises(Unsupported, match="RGB have no modality units"):
        pixels.read(stored(str(path)), values=Values.MODALITY)


def test_each_frame_of_many_is_its_own(read: Read) -> None:
    frames = [np.full((8, 8), value, "<u2") for value in (0, 512, 1024)]
    data = part10(
        instance(NumberOfFrames=3, PixelData=b"".join(f.tobytes() for f in frames), WindowCenter=512, WindowWidth=1025)
    )
    shades = [int(read(data, number).pixels[0, 0]) for number in (1, 2, 3)]
    assert shades == sorted(set(shades))
    with pytest.raises(Unreadable, match="has 3"):
        read(data, 4)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=lambda syntax: syntax.keyword)
def test_a_compressed_frame_is_the_plain_one(read: Read, syntax: UID) -> None:
    ramp = np.arange(64 * 64, dtype="<u2")
    made = part10(instance(Rows=64, Columns=64, WindowCenter=2048, WindowWidth=4096, PixelData=ramp.tobytes()))
    plain = read(made)
    compressed = dcmread(BytesIO(made))
    compressed.compress(syntax)
    assert np.array_equal(read(part10(compressed, syntax)).pixels, plain.pixels)


def test_an_object_without_pictures_is_unsupported(read: Read) -> None:
    with pytest.raises(Unsupported, match="no pictures"):
        read(part10(instance(Rows=None, Columns=None, PixelData=None)))


def test_a_video_is_unsupported_by_name(read: Read) -> None:
    video = instance(PixelData=encapsulate([b"\0" * 100]))
    video["PixelData"].is_undefined_length = True
    with pytest.raises(Unsupported, match="MPEG"):
        read(part10(video, UID("1.2.840.10008.1.2.4.102")))


@pytest.mark.parametrize(
    ("syntax", "attributes", "said"),
    [
        (ExplicitVRLittleEndian, {"Rows": 100}, "The pixel data is shorter than rows x columns say."),
        (ImplicitVRLittleEndian, {"NumberOfFrames": 9}, "The pixel data is shorter than rows x columns say."),
        (ExplicitVRLittleEndian, {"PixelData": None}, "The object has no pixel data."),
        (ImplicitVRLittleEndian, {"PixelData": b""}, "The object has no pixel data."),
        (ExplicitVRLittleEndian, {"BitsAllocated": 13},
         f"The pixel data cannot be decoded from {ExplicitVRLittleEndian.name}."),
    ],
)  # fmt: skip
def test_pixels_that_are_not_what_the_header_says_are_unreadable_in_our_own_words(
    read: Read, syntax: UID, attributes: dict[str, object], said: str
) -> None:
    """What is said here becomes the first line of a document: no library's words stand in it."""
    with pytest.raises(Unreadable) as caught:
        read(part10(instance(**attributes), syntax), int(str(attributes.get("NumberOfFrames", 1))))
    assert str(caught.value) == said


def test_a_picture_larger_than_any_detector_is_refused_before_memory_is_given(read: Read) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unsupported, match="larger"):
        read(part10(instance(Rows=65535, Columns=65535)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


def test_a_broken_codestream_is_unreadable(read: Read) -> None:
    broken = instance(PixelData=encapsulate([b"\xff\x4f\xff\x51" + bytes(200)]))
    broken["PixelData"].is_undefined_length = True
    with pytest.raises(Unreadable) as caught:
        read(part10(broken, JPEG2000Lossless))
    assert str(caught.value) == f"The pixel data cannot be decoded from {JPEG2000Lossless.name}."


def test_a_run_length_bomb_is_bounded(read: Read) -> None:
    """20 MB of runs that would be 1.2 GB: the header's size is what counts."""
    header = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56)
    bomb = instance(
        BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=encapsulate([header + b"\x81\x00" * 10_000_000])
    )
    bomb["PixelData"].is_undefined_length = True
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(Unreadable):
        assert read(part10(bomb, RLELossless)).pixels.shape == (8, 8)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 * 1024


def test_every_real_file_is_read_or_refused_with_a_reason(pixels: PydicomPixels, test_data: Path) -> None:
    decoded, reasons = set(), []
    for path in sorted(test_data.rglob("*.dcm")):
        try:
            frame = pixels.read(stored(str(path)))
        except (Unreadable, Unsupported) as why:
            reasons.append(str(why))
            continue
        assert frame.pixels.max() > 0, path
        decoded.add(dcmread(path, force=True, stop_before_pixels=True).file_meta.get("TransferSyntaxUID"))
    assert len(decoded) >= READABLE_SYNTAXES
    assert any("JPEG Extended" in why and "bits" in why for why in reasons)
    assert all(len(why) > 20 for why in reasons)


def test_the_slices_of_a_real_series_lie_on_one_another(pixels: PydicomPixels, test_data: Path) -> None:
    frames = [
        pixels.read(stored(str(file)), values=Values.MODALITY) for file in sorted((test_data / "mr_series").iterdir())
    ]
    lie = volume([frame.plane for frame in frames])
    assert len(lie.order) == 20
    assert lie.mean_spacing_mm == pytest.approx(7, abs=0.01), "5 mm thick, 2 mm apart"
    uneven = [pixels.read(stored(str(file))) for file in sorted((test_data / "ct_series_ge_head").iterdir())]
    with pytest.raises(Unsupported, match="not at equal distances"):
        volume([frame.plane for frame in uneven])
