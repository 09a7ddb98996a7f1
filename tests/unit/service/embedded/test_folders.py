"""Folders: private ones, socket paths the kernel takes, room on the disk."""

import stat
from pathlib import Path

import pytest

from service.embedded.folders import SOCKET_PATH_BYTES, cache_folder, private, require_space, socket_path
from service.embedded.missing import Missing


def test_the_cache_folder_is_the_one_that_was_chosen() -> None:
    assert cache_folder({"PREREAD_CACHE": "/var/cache/x", "XDG_CACHE_HOME": "/elsewhere"}) == Path("/var/cache/x")


def test_the_cache_folder_follows_the_desktop_convention() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/var/cache"}) == Path("/var/cache/preread")


def test_a_private_folder_is_ours_alone(tmp_path: Path) -> None:
    assert stat.S_IMODE(private(tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_an_open_folder_of_ours_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    assert stat.S_IMODE(private(tmp_path / "open").stat().st_mode) == 0o700


def test_a_link_is_not_taken_for_a_private_folder(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(Missing, match="belongs to somebody else"):
        private(tmp_path / "link")


def test_a_short_socket_path_stays_where_it_was_asked_for(tmp_path: Path) -> None:
    folder = Path(tmp_path.anchor, *tmp_path.parts[1:])
    if len(str(folder / "s" / "r")) > SOCKET_PATH_BYTES:
        pytest.skip("the temporary folder's own name is too long")
    assert socket_path(folder / "s", "r") == folder / "s" / "r"


def test_a_socket_path_too_long_for_the_kernel_moves_to_the_same_short_place_every_time(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90) / "run"
    first = socket_path(deep, "redis.sock", short_base=tmp_path)
    assert first == socket_path(deep, "redis.sock", short_base=tmp_path)
    assert first.parent.parent == tmp_path
    assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    assert first.parent != socket_path(deep / "other", "redis.sock", short_base=tmp_path).parent


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"Unpacking needs 1000000000000 MB, but .* free some space"):
        require_space(tmp_path / "not" / "yet", 10**18, "Unpacking")


def test_a_disk_with_room_is_nothing_to_talk_about(tmp_path: Path) -> None:
    require_space(tmp_path, 1, "Unpacking")
