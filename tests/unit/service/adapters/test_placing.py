"""Where a frame lies: its own position and orientation, or its functional groups'; nothing where they are not whole."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from service.adapters.placing import plane
from service.adapters.presentation import flattened


def attributes(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_the_place_of_a_frame_is_its_own() -> None:
    told = plane(attributes(ImagePositionPatient=[1, 2, 3], ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    assert (told["position_mm"], told["row_direction"], told["column_direction"]) == ((1, 2, 3), (1, 0, 0), (0, 1, 0))


def test_the_place_of_a_frame_among_many_is_its_functional_groups() -> None:
    shared, first, second = Dataset(), Dataset(), Dataset()
    shared.PlaneOrientationSequence = [attributes(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])]
    first.PlanePositionSequence = [attributes(ImagePositionPatient=[0, 0, 1])]
    second.PlanePositionSequence = [attributes(ImagePositionPatient=[0, 0, 2])]
    many = attributes(SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=[first, second])
    told = plane(flattened(many, 2))
    assert (told["position_mm"], told["row_direction"], told["column_direction"]) == ((0, 0, 2), (0, 1, 0), (0, 0, -1))


def test_what_does_not_stand_whole_is_none() -> None:
    assert set(plane(attributes()).values()) == {None}
    assert plane(attributes(ImagePositionPatient=[1, 2]))["position_mm"] is None
    assert plane(attributes(ImageOrientationPatient=[2, 0, 0, 0, 1, 0]))["row_direction"] is None
