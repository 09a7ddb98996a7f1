"""Stored values become what a reader would see (PS3.3 C.11)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from service.adapters.presentation import WHITE, flattened, shown, spacing_mm
from service.domain.errors import Unsupported

RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)


def attributes(**more: Any) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in ({"PhotometricInterpretation": "MONOCHROME2", "BitsStored": 8} | more).items():
        setattr(made, keyword, value)
    return made


def test_a_linear_window_is_the_formula_of_the_standard() -> None:
    picture = shown(RAMP, attributes(WindowCenter=128, WindowWidth=101))
    for stored, wanted in ((77, 0), (178, WHITE), (60, 0), (200, WHITE)):
        assert picture.flat[stored] == wanted
    assert picture.flat[128] == round(((128 - 127.5) / 100 + 0.5) * WHITE)


def test_a_linear_exact_window_is_centred() -> None:
    picture = shown(RAMP, attributes(WindowCenter=128, WindowWidth=100, VOILUTFunction="LINEAR_EXACT"))
    assert picture.flat[128] == round(WHITE / 2)
    assert (picture.flat[78], picture.flat[178]) == (0, WHITE)


def test_a_sigmoid_window_never_turns_back() -> None:
    picture = shown(RAMP, attributes(WindowCenter=128, WindowWidth=50, VOILUTFunction="SIGMOID"))
    assert (np.diff(picture.ravel().astype(int)) >= 0).all()
    assert picture.flat[128] == round(WHITE / 2)


def test_a_window_is_applied_after_rescale() -> None:
    window = {"WindowCenter": 0, "WindowWidth": 101}
    rescaled = shown(RAMP, attributes(RescaleSlope=1, RescaleIntercept=-128, **window))
    assert np.array_equal(rescaled, shown(RAMP, attributes(WindowCenter=128, WindowWidth=101)))


def test_the_first_of_several_windows_is_taken() -> None:
    several = shown(RAMP, attributes(WindowCenter=[128, 10], WindowWidth=[101, 5]))
    assert np.array_equal(several, shown(RAMP, attributes(WindowCenter=128, WindowWidth=101)))


def test_monochrome1_is_inverted() -> None:
    window = {"WindowCenter": 128, "WindowWidth": 101}
    inverted = shown(RAMP, attributes(PhotometricInterpretation="MONOCHROME1", **window))
    assert np.array_equal(inverted, WHITE - shown(RAMP, attributes(**window)))


def test_a_voi_lut_is_applied_to_its_own_scale() -> None:
    lut = Dataset()
    lut.LUTDescriptor = [256, 0, 8]
    lut.LUTData = np.arange(255, -1, -1, dtype="<u2").tobytes()
    lut["LUTData"].VR = "OW"
    picture = shown(RAMP.astype(np.uint8), flattened(attributes(VOILUTSequence=[lut]), 1))
    assert (picture.flat[0], picture.flat[255]) == (WHITE, 0)


def test_without_a_window_a_hot_pixel_does_not_flatten_the_picture() -> None:
    hot = RAMP.copy()
    hot[0, 0] = 65535
    picture = shown(hot, attributes())
    assert picture.flat[128] == pytest.approx(WHITE / 2, rel=0.05)


@pytest.mark.parametrize("window", [{"WindowWidth": 0}, {"WindowWidth": -5}, {"WindowCenter": 1e6}])
def test_a_window_that_shows_nothing_is_not_believed(window: dict[str, float]) -> None:
    picture = shown(RAMP, attributes(**({"WindowCenter": 128, "WindowWidth": 100} | window)))
    assert len(np.unique(picture)) > 100


def test_padding_is_black_in_either_polarity() -> None:
    padded = RAMP.copy()
    padded[:2] = 9999
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        picture = shown(padded, attributes(PhotometricInterpretation=photometric, PixelPaddingValue=9999))
        assert not picture[:2].any()
        assert picture[2:].max() > WHITE * 0.9


def test_colour_becomes_luminance() -> None:
    red, green, blue = (np.zeros((2, 2, 3), np.uint8) for _ in range(3))
    for channel, picture in enumerate((red, green, blue)):
        picture[..., channel] = 255
    shades = [int(shown(picture, attributes(PhotometricInterpretation="RGB"))[0, 0]) for picture in (red, green, blue)]
    assert shades == [round(WHITE * part) for part in (0.299, 0.587, 0.114)]


def test_a_colour_space_without_a_rule_is_named() -> None:
    with pytest.raises(Unsupported, match="CMYK"):
        shown(np.zeros((2, 2, 4), np.uint8), attributes(PhotometricInterpretation="CMYK"))


def test_functional_groups_speak_for_their_frame() -> None:
    def group(centre: float, spacing: list[float]) -> Dataset:
        made, voi, measures = Dataset(), Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = centre, 10
        measures.PixelSpacing = spacing
        made.FrameVOILUTSequence, made.PixelMeasuresSequence = [voi], [measures]
        return made

    whole = attributes(SharedFunctionalGroupsSequence=[group(1, [1, 1])])
    whole.PerFrameFunctionalGroupsSequence = [group(20, [2, 2]), group(30, [3, 3])]
    assert flattened(whole, 2).WindowCenter == 30
    assert spacing_mm(flattened(whole, 1)) == (2, 2)
    assert flattened(whole, 9).WindowCenter == 1


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ({"PixelSpacing": [0.5, 0.25]}, (0.5, 0.25)),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2)),
        ({}, None),
    ],
)
def test_spacing_is_pixel_spacing_else_the_imager_s(given_: dict[str, Any], wanted: object) -> None:
    assert spacing_mm(attributes(**given_)) == wanted


@given(
    stored=arrays(np.int16, (5, 7)),
    centre=st.one_of(st.none(), st.floats(-1e5, 1e5)),
    width=st.floats(-10, 1e5),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
)
def test_any_values_make_a_picture(stored: Any, centre: float | None, width: float, photometric: str) -> None:
    more = {} if centre is None else {"WindowCenter": round(centre, 3), "WindowWidth": round(width, 3)}
    picture = shown(stored, attributes(PhotometricInterpretation=photometric, **more))
    assert picture.shape == stored.shape
    assert picture.dtype == np.uint16
