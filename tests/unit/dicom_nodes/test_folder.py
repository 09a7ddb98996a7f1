"""A folder as destination: whole files under harmless names."""

from __future__ import annotations

import errno
import os
import stat
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.destinations import open_destination, schemes
from dicom_nodes.destinations.folder import FolderDestination, file_stem
from service.domain.errors import Misconfigured, Unavailable
from service.domain.node import DestinationNode
from service.ports.destination import Answered, Parcel


def parcel(uid: str) -> Parcel:
    return Parcel(
        sop_class_uid=CTImageStorage,
        sop_instance_uid=UID(uid),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        location=uid,
    )


def opener(location: str) -> BinaryIO:
    if location == "1.9":
        raise Unavailable("gone")
    return BytesIO(location.encode())


def test_an_object_is_written_under_its_uid_and_replaces_itself(tmp_path: Path) -> None:
    folder = FolderDestination(tmp_path / "out", opener=opener)
    for _ in range(2):
        (result,) = folder.store([parcel("1.2.3")])
        assert result.answered is Answered.STORED
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["1.2.3.dcm"]
    assert (tmp_path / "out" / "1.2.3.dcm").read_bytes() == b"1.2.3"


@given(uid=st.one_of(st.text(max_size=100), st.sampled_from(["../x", "..", "/etc/passwd", "a\0b", "CON", "1.2\n"])))
def test_no_uid_makes_a_name_that_leads_elsewhere(uid: str) -> None:
    stem = file_stem(uid)
    assert set(stem) <= set("0123456789.abcdef")
    assert 0 < len(stem) <= 64
    assert stem.strip(".")


def test_a_copy_that_is_gone_leaves_no_file(tmp_path: Path) -> None:
    results = FolderDestination(tmp_path, opener=opener).store([parcel("1.9"), parcel("1.2")])
    assert [result.answered for result in results] == [Answered.AWAY, Answered.STORED]
    assert [path.name for path in tmp_path.iterdir()] == ["1.2.dcm"]


def test_a_folder_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = FolderDestination(tmp_path / "file", opener=opener)
    assert folder.store([parcel("1.2")])[0].answered is Answered.AWAY
    with pytest.raises(Unavailable, match="cannot be written"):
        folder.echo()


def test_the_name_is_on_the_disk_before_the_object_counts_as_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, synced = tmp_path / "out", []

    def note(descriptor: int) -> None:
        found = os.fstat(descriptor)
        what = "file" if stat.S_ISREG(found.st_mode) else "out" if found.st_ino == out.stat().st_ino else "above"
        synced.append((what, [path.name for path in out.glob("*.dcm")]))

    monkeypatch.setattr(os, "fsync", note)
    FolderDestination(out, opener=opener).store([parcel("1.2")])
    assert synced == [("above", []), ("file", []), ("out", ["1.2.dcm"])]


@pytest.mark.parametrize(("number", "answered"), [(errno.EIO, Answered.AWAY), (errno.EINVAL, Answered.STORED)])
def test_a_name_that_does_not_reach_the_disk_is_not_stored_unless_the_share_cannot_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, answered: Answered
) -> None:
    def fail_for_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    (result,) = FolderDestination(tmp_path, opener=opener).store([parcel("1.2")])
    assert result.answered is answered


def test_an_echo_leaves_nothing_behind(tmp_path: Path) -> None:
    assert "can be written" in FolderDestination(tmp_path, opener=opener).echo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["file://host/x", "file:///", "file:relative", "ftp://x", "nonsense"])
def test_a_wrong_url_is_misconfigured_by_name(url: str) -> None:
    with pytest.raises(Misconfigured, match="out"):
        open_destination(DestinationNode(name="out", url=url), calling_ae="PREREAD", opener=opener)


def test_every_scheme_of_ours_is_known() -> None:
    assert {"dicom", "file"} <= set(schemes())
