"""The tree that the command line prints."""

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.errors import InvalidDicomError

from dicom_nodes.objects import basic_text_sr, tid1500
from dicom_nodes.objects.tree import MAX_DEPTH, tree
from service.domain.report import first_line
from tests.support.reports import a_context, a_report, an_unread_report


def test_the_tree_of_an_unread_study_is_its_notice() -> None:
    lines = tree(basic_text_sr.encode(an_unread_report(), a_context()))
    assert lines[0] == "Diagnostic Imaging Report (PARTIAL, UNVERIFIED, PRELIMINARY)"
    assert lines[-2:] == ["  Summary", f"    Summary: {first_line(an_unread_report())}"]


def test_every_value_type_is_shown() -> None:
    lines = [line.strip() for line in tree(tid1500.encode(a_report(), a_context()))]
    assert "Diameter: 12.4 mm" in lines
    assert "Presence: Absent" in lines
    assert "Tracking Identifier: nodule-1" in lines
    assert any(line.startswith("Source of Measurement: POLYLINE 100.5 200") for line in lines)
    assert any(line.startswith("Tracking Unique Identifier: 2.25.") for line in lines)
    assert any(line.startswith("Source of Measurement: Digital X-Ray") for line in lines)


def test_a_hostile_depth_is_cut() -> None:
    dataset = dcmread(BytesIO(basic_text_sr.encode(an_unread_report(), a_context())))
    item = Dataset()
    for _ in range(2 * MAX_DEPTH):
        outer = Dataset()
        outer.ValueType, outer.ContentSequence = "CONTAINER", [item]
        item = outer
    dataset.ContentSequence = [item]
    buffer = BytesIO()
    dcmwrite(buffer, dataset)
    lines = tree(buffer.getvalue())
    assert len(lines) == MAX_DEPTH + 2
    assert lines[-1].strip() == "..."


def test_what_is_no_dicom_is_refused() -> None:
    with pytest.raises(InvalidDicomError):
        tree(b"no DICOM")
