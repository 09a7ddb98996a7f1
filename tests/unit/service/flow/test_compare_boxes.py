"""Boxes that came back: the same by tracking UID or by place, moved, renamed, taken away or new."""

from __future__ import annotations

from dataclasses import replace

from service.domain.edit import EditClass
from service.domain.report import Region
from service.domain.returned import Box
from service.flow.compare_boxes import box_edits, our_boxes, overlap
from tests.support.web_records import draft


def box(
    uid: str, left: float, finding: str = "Nodule", place: str = "left lung", image: str = "1.2", frame: int = 1
) -> Box:
    region = Region(left=left, top=10, right=left + 10, bottom=20)
    return Box(uid=uid, finding=finding, place=place, image=image, frame=frame, region=region)


OURS = (box("1", 0), box("2", 50, "Effusion", "left pleura"))


def classes(*theirs: Box, whole: bool = True) -> list[tuple[EditClass, ...]]:
    return [edit.classes for edit in box_edits(OURS, theirs, whole=whole)]


def test_boxes_as_they_were_are_no_edits_whatever_their_uids() -> None:
    assert classes(box("8", 50, "", ""), box("9", 0.05, "", "")) == []


def test_a_box_less_is_removed_and_a_box_more_is_added() -> None:
    assert classes(box("9", 0), box("7", 90)) == [(EditClass.DELETE,), (EditClass.INSERT,)]
    assert classes(box("9", 0), box("7", 90), whole=False) == []


def test_a_box_that_moved_far_is_the_same_by_its_uid_alone() -> None:
    assert classes(box("2", 200, "Effusion", "left pleura"), OURS[0]) == [(EditClass.OUTLINE,)]
    assert classes(box("x", 200, "Effusion", "left pleura"), OURS[0]) == [(EditClass.DELETE,), (EditClass.INSERT,)]


def test_another_side_and_another_place_are_told_apart() -> None:
    assert classes(box("1", 4, place="right lung"), OURS[1]) == [(EditClass.OUTLINE, EditClass.LATERALITY)]


def test_boxes_on_other_images_or_frames_cover_nothing() -> None:
    one = box("1", 0)
    assert overlap(one, replace(one, image="1.3")) == overlap(one, replace(one, frame=2)) == 0
    assert overlap(one, one) == 1
    assert overlap(one, box("1", 5)) == 5 / 15


def test_the_boxes_of_a_report_are_those_of_what_is_present() -> None:
    (found,) = our_boxes(draft(2))
    assert (found.uid, found.finding, found.place) == ("2.25.11", "Pleural effusion", "left pleura")
