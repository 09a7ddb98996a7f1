"""The interpreter's shared library: where it is, and how Debian's is had without root."""

import sys
from pathlib import Path

import pytest

from service.embedded import libpython

PYTHON = (3, 11)
on_debian = pytest.mark.skipif("sys.platform != 'linux'", reason="apt is on Linux")


class Apt:
    """apt-get and dpkg on a system whose package lists may be gone."""

    def __init__(self, *, lists: bool, known: str = "libpython3.11") -> None:
        self.lists, self.known, self.ran = lists, known, list[list[str]]()

    def __call__(self, command: list[str], folder: Path) -> int:
        self.ran.append(command)
        if "update" in command:
            self.lists = True
        elif "download" in command:
            if not (self.lists and self.known == command[-1]):
                return 100
            (folder / "libpython3.11_amd64.deb").write_text("")
        elif command[0] == "dpkg":
            library = Path(command[-1]) / "usr/lib/x86_64-linux-gnu" / libpython.library_name(PYTHON)
            library.parent.mkdir(parents=True)
            library.write_text("")
        return 0


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")


def fetch(cache: Path, apt: Apt) -> Path | None:
    return libpython.fetch_from_debian(PYTHON, cache, lambda words: None, run=apt)


def test_it_is_found_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "libpython3.11.so.1.0").write_text("")
    assert libpython.find(PYTHON, [tmp_path / "a", tmp_path / "b"]) == tmp_path / "b"
    assert libpython.find((3, 12), [tmp_path / "a", tmp_path / "b"]) is None


@on_debian
@pytest.mark.usefixtures("debian")
def test_debians_is_fetched_once_without_root(tmp_path: Path) -> None:
    found = fetch(tmp_path, Apt(lists=True))
    assert found is not None
    assert (found / "libpython3.11.so.1.0").exists()
    again = Apt(lists=True)
    assert fetch(tmp_path, again) == found
    assert again.ran == []


@on_debian
@pytest.mark.usefixtures("debian")
def test_an_image_stripped_of_its_package_lists_gets_lists_of_our_own(tmp_path: Path) -> None:
    apt = Apt(lists=False)
    assert fetch(tmp_path, apt) is not None
    updates = [command for command in apt.ran if "update" in command]
    assert [word for word in updates[0] if str(tmp_path) in word]


@on_debian
@pytest.mark.usefixtures("debian")
@pytest.mark.parametrize("lists", [True, False])
def test_ubuntus_other_name_is_known(tmp_path: Path, lists: bool) -> None:
    assert fetch(tmp_path, Apt(lists=lists, known="libpython3.11t64")) is not None


@on_debian
@pytest.mark.usefixtures("debian")
def test_a_library_that_debian_does_not_have_is_no_error(tmp_path: Path) -> None:
    assert fetch(tmp_path, Apt(lists=True, known="")) is None
    assert not libpython.unpacked_folder(PYTHON, tmp_path).exists()


def test_another_prefix_than_debians_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/home/x/python")
    apt = Apt(lists=True)
    assert fetch(tmp_path, apt) is None
    assert apt.ran == []
