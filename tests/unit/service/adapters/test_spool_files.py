"""The spool keeps bytes under their digest, whole or not at all, and never where a sender says."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.spool_files import FileSpool
from service.domain.errors import Unavailable


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_kept_bytes_are_found_again_under_their_digest(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    with spool.incoming() as incoming:
        incoming.write(b"abc")
        incoming.write(memoryview(b"def"))
        kept = incoming.keep()
    digest = hashlib.sha256(b"abcdef").hexdigest()
    assert (kept.sha256, kept.size) == (digest, 6)
    assert kept.location == f"main:{digest[:2]}/{digest}.dcm"
    with spool.open(kept.location) as file:
        assert file.read() == b"abcdef"


def test_what_is_not_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    with spool.incoming() as incoming:
        incoming.write(b"abc")
        assert len(files(tmp_path)) == 1
    assert files(tmp_path) == []


def test_received_bytes_can_be_read_before_they_are_kept(tmp_path: Path) -> None:
    with FileSpool(tmp_path).incoming() as incoming:
        incoming.write(b"abc")
        with incoming.reread() as file:
            assert file.read() == b"abc"
        incoming.write(b"def")
        assert incoming.keep().size == 6


def test_the_same_bytes_twice_are_one_file(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    locations = set()
    for _ in range(2):
        with spool.incoming() as incoming:
            incoming.write(b"same")
            locations.add(incoming.keep().location)
    assert len(locations) == 1
    assert len(files(tmp_path)) == 1


def test_removing_twice_is_harmless(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    with spool.incoming() as incoming:
        incoming.write(b"gone")
        location = incoming.keep().location
    spool.remove(location)
    spool.remove(location)
    with pytest.raises(Unavailable, match="does not give"):
        spool.open(location)


def test_below_the_reserve_nothing_is_begun(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path, reserve_bytes=2**62)
    assert not spool.has_room()
    with pytest.raises(Unavailable, match="reserve"):
        spool.incoming()


@given(location=st.one_of(st.text(), st.sampled_from(["main:../../etc/passwd", "main:ab/" + "e" * 64 + ".dcm"])))
def test_no_text_is_a_place_outside_the_spool(location: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    spool = FileSpool(tmp_path_factory.getbasetemp() / "places")
    with pytest.raises(Unavailable):
        spool.open(location)
    with pytest.raises(Unavailable):
        spool.remove(location)


def test_leftovers_of_a_dead_process_are_swept_and_a_live_one_is_left_alone(tmp_path: Path) -> None:
    FileSpool(tmp_path)
    old, fresh = tmp_path / "incoming" / "old.part", tmp_path / "incoming" / "fresh.part"
    for path in (old, fresh):
        path.write_bytes(b"x")
    day_ago = time.time() - 86_400
    os.utime(old, (day_ago, day_ago))
    FileSpool(tmp_path)
    assert files(tmp_path) == [fresh]


def test_a_write_error_is_unavailable_and_leaves_no_partial(tmp_path: Path) -> None:
    """A file size limit stands for a full disk: both are an error of write(2)."""
    program = """
import resource, sys
from pathlib import Path
from service.adapters.spool_files import FileSpool
from service.domain.errors import Unavailable
spool = FileSpool(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with spool.incoming() as incoming:
    try:
        for _ in range(100):
            incoming.write(bytes(10_000))
    except Unavailable as why:
        print(why)
        print([path.name for path in Path(sys.argv[1]).rglob("*.part")])
"""
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["The spool cannot be written: File too large.", "[]"]
