"""Where this interpreter's shared library is; Triton's Python stub is linked against it.

Debian and Ubuntu package it apart from python3 (libpython3.x), so it is often absent: there it is fetched with
apt-get download and unpacked with dpkg -x, which need no root.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from service.embedded.binaries import Say, only_one

Run = Callable[[list[str], Path], int]


def library_name(python: tuple[int, int]) -> str:
    """Return the name that the dynamic loader looks for."""
    return f"libpython{python[0]}.{python[1]}.so.1.0"


def usual_places() -> tuple[Path, ...]:
    """Return the folders where an installed interpreter keeps its shared library."""
    wanted = (sysconfig.get_config_var(name) for name in ("LIBDIR", "LIBPL"))
    multiarch = sysconfig.get_config_var("MULTIARCH")
    system = (f"/usr/lib/{multiarch}", f"/lib/{multiarch}") if multiarch else ()
    named = (*(str(folder) for folder in wanted if folder), f"{sys.base_prefix}/lib", *system, "/usr/lib64")
    return tuple(Path(folder) for folder in dict.fromkeys(named))


def find(python: tuple[int, int], places: Iterable[Path]) -> Path | None:
    """Return the first folder of `places` that holds the library of `python`."""
    return next((place for place in places if (place / library_name(python)).exists()), None)


def unpacked_folder(python: tuple[int, int], cache: Path) -> Path:
    """Return where a library fetched from Debian lives in `cache`."""
    return cache / f"libpython{python[0]}.{python[1]}"


def run_quietly(command: list[str], folder: Path) -> int:
    """Run `command` in `folder`; apt's own words help nobody, because the local engine takes over."""
    quiet = subprocess.DEVNULL
    return subprocess.run(command, cwd=folder, stdout=quiet, stderr=quiet, check=False).returncode


def packages(python: tuple[int, int]) -> tuple[str, str]:
    """Return what Debian calls the package, and what Ubuntu 24.04 does since its change to a 64-bit time_t."""
    name = f"libpython{python[0]}.{python[1]}"
    return name, f"{name}t64"


def apt_steps(names: Sequence[str], work: Path) -> tuple[list[str], ...]:
    """Return the commands to try in this order until one of the packages `names` lies in the current folder.

    Images are often stripped of their package lists; the later commands bring lists of our own into `work`.
    """
    own = ["-o", f"Dir::State::Lists={work / 'lists'}", "-o", f"Dir::Cache={work / 'cache'}"]
    return (
        *(["apt-get", "-qq", "download", name] for name in names),
        ["apt-get", "-qq", *own, "update"],
        *(["apt-get", "-qq", *own, "download", name] for name in names),
    )


def fetch_from_debian(python: tuple[int, int], cache: Path, say: Say, *, run: Run = run_quietly) -> Path | None:
    """Return the folder of the library after fetching it without root; None where that is not possible."""
    folder = unpacked_folder(python, cache)
    if not folder.exists():
        if sys.base_prefix != "/usr" or not (shutil.which("apt-get") and shutil.which("dpkg")):
            return None
        cache.mkdir(parents=True, exist_ok=True)
        with only_one(cache / ".libpython.lock"):
            if not folder.exists() and not _download(python, folder, say, run):
                return None
    return find(python, sorted(found.parent for found in folder.rglob(library_name(python))))


def _download(python: tuple[int, int], folder: Path, say: Say, run: Run) -> bool:
    say(f"fetching {packages(python)[0]} with apt-get download (no root; Triton's Python stub needs it)")
    with tempfile.TemporaryDirectory(prefix=".libpython-part-", dir=folder.parent) as part:
        work = Path(part)
        for made in ("lists/partial", "cache/archives/partial", "unpacked"):
            (work / made).mkdir(parents=True)
        for step in apt_steps(packages(python), work):
            if run(step, work) == 0 and (fetched := sorted(work.glob("*.deb"))):
                unpacked = run(["dpkg", "-x", str(fetched[0]), str(work / "unpacked")], work) == 0
                if unpacked:
                    (work / "unpacked").rename(folder)
                return unpacked
    return False
