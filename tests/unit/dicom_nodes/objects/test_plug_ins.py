"""Encoders from outside: an entry point is enough, and a mistake in one is said at the start."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
from pydicom.uid import EncapsulatedPDFStorage

import dicom_nodes.objects
from dicom_nodes.objects import encoders
from service.domain.errors import Misconfigured


def outside(monkeypatch: pytest.MonkeyPatch, **names: object) -> None:
    """One package from outside that offers an encoder with these names."""

    class Entry(EntryPoint):
        def load(self) -> object:
            return SimpleNamespace(**names)

    entry = Entry("pdf", "other.package:pdf", "preread.objects")
    monkeypatch.setattr(dicom_nodes.objects, "entry_points", lambda *, group: [entry] if group == entry.group else [])


def test_the_objects_of_this_package_are_found_by_name() -> None:
    assert {"basic-text-sr", "tid1500"} <= set(encoders())


def test_an_entry_point_adds_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    outside(
        monkeypatch,
        ROLE="pdf",
        SOP_CLASS_UID=EncapsulatedPDFStorage,
        applies=lambda report: True,
        encode=lambda report, context: b"",
    )
    assert EncapsulatedPDFStorage == encoders()["pdf"].SOP_CLASS_UID
    assert "basic-text-sr" in encoders()


def test_an_entry_point_that_lacks_a_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    outside(monkeypatch, ROLE="pdf", applies=lambda report: True)
    with pytest.raises(Misconfigured, match=r"other\.package:pdf lacks SOP_CLASS_UID, encode"):
        encoders()


def test_an_entry_point_cannot_take_the_role_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    outside(monkeypatch, ROLE="tid1500", SOP_CLASS_UID="", applies=None, encode=None)
    with pytest.raises(Misconfigured, match="tid1500"):
        encoders()
