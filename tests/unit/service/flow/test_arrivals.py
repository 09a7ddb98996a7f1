"""What comes in for one question is bounded in bytes, and gone when the question ends unless it was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.adapters.spool_files import FileSpool
from service.domain.errors import Unavailable
from service.flow.arrivals import Arrivals
from tests.support.priors import left_in


def arrivals(folder: Path, *, max_object_bytes: int = 100, max_bytes: int = 150) -> Arrivals:
    return Arrivals(FileSpool(folder), source="archive", max_object_bytes=max_object_bytes, max_bytes=max_bytes)


def test_what_is_kept_stays_and_the_rest_goes(tmp_path: Path) -> None:
    with arrivals(tmp_path) as coming:
        kept, left = coming.begin(), coming.begin()
        kept.write(b"one")
        left.write(b"two")
        location = kept.keep().location
    assert left_in(tmp_path) == [f"{location.rsplit('/')[-1]}"]


def test_an_object_may_not_be_larger_nor_all_of_them_together(tmp_path: Path) -> None:
    with arrivals(tmp_path) as coming:
        one = coming.begin()
        one.write(bytes(100))
        with pytest.raises(Unavailable, match=r"archive sends an object of more than 100 bytes \(max_object_bytes\)"):
            one.write(b"x")
        one.__exit__(None, None, None)
        with pytest.raises(Unavailable, match=r"archive sends more than 150 bytes \(max_bytes\)"):
            coming.begin().write(bytes(60))
    assert left_in(tmp_path) == []


def test_a_sender_that_writes_on_after_the_end_leaves_nothing(tmp_path: Path) -> None:
    with arrivals(tmp_path) as coming:
        late = coming.begin()
        late.write(b"one")
    with pytest.raises(Unavailable):
        late.write(b"more")
    with pytest.raises(Unavailable, match="The question has ended"):
        coming.begin()
    assert left_in(tmp_path) == []
