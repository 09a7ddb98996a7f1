"""An embedded Triton on the CPU: whether it can run here, and how it is had.

Where it cannot, Missing says why in one sentence and the caller starts the local engine instead.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service.embedded import libpython
from service.embedded.binaries import NUMPY_1, TRITON, Say, found_uv, make_executable, numpy_1, unpack
from service.embedded.missing import Missing
from service.embedded.trial import passed
from service.embedded.tritonserver import Ports, Triton, shared_memory_prefix, site_packages

__all__ = ["Host", "Ports", "Triton", "install", "shared_memory_prefix", "site_packages", "why_not"]

NEEDED_GLIBC = (2, 35)
STUBBED_PYTHONS = tuple(NUMPY_1)
"""There are stubs for 3.8 to 3.13, but they pass arrays with NumPy 1 only, which ends before Python 3.13."""
PROBE_TIMEOUT_S = 60.0
SHARED_MEMORY = Path("/dev/shm")

Probe = Callable[[Sequence[str], Mapping[str, str]], str]


@dataclass(frozen=True)
class Host:
    """What Triton asks of a machine."""

    system: str
    machine: str
    glibc: tuple[int, int] | None
    python: tuple[int, int]
    shared_memory: bool

    @classmethod
    def here(cls) -> "Host":
        """Return the facts of this machine."""
        name, version = platform.libc_ver()
        major, _, minor = version.partition(".")
        glibc = (int(major), int(minor)) if name == "glibc" and minor.isdigit() else None
        return cls(
            system=platform.system(),
            machine=platform.machine(),
            glibc=glibc,
            python=sys.version_info[:2],
            shared_memory=os.access(SHARED_MEMORY, os.W_OK),
        )


def why_not(host: Host) -> str | None:
    """Return one sentence that says why Triton cannot run on `host`; None where nothing speaks against it."""
    if host.system != "Linux" or host.machine not in TRITON.sha256:
        return (
            f"Triton is packaged for Linux on {' and '.join(TRITON.sha256)} only; this is {host.system} {host.machine}."
        )
    if host.glibc is None:
        return "Triton needs the GNU C library; this system has another one."
    if host.glibc < NEEDED_GLIBC:
        return f"Triton needs glibc {_dotted(NEEDED_GLIBC)} or newer; this system has {_dotted(host.glibc)}."
    if host.python not in STUBBED_PYTHONS:
        known = " and ".join(map(_dotted, STUBBED_PYTHONS))
        return f"This Triton's Python backend works with Python {known} only; this is {_dotted(host.python)}."
    if not host.shared_memory:
        return f"Triton's Python backend needs a writable {SHARED_MEMORY}."
    return None


def install(cache: Path, say: Say) -> Triton:
    """Return a Triton in which a model loads on this machine, fetched into `cache` first where need be.

    Raises Missing with the one sentence that says why not; the local engine then takes over.
    """
    host = Host.here()
    if reason := why_not(host):
        raise Missing(reason)
    library = find_library(host.python, cache, say)
    finish = partial(complete, python=host.python)
    folder = unpack(TRITON, cache, uv=found_uv(), say=say, label=f"py{_dotted(host.python)}", finish=finish)
    numpy = unpack(numpy_1(host.python), cache, uv=found_uv(), say=say)
    triton = Triton(home=(folder / TRITON.proof).parents[1], libpython=library, numpy=numpy)
    if reason := fails_to_start(triton):
        raise Missing(reason)
    return passed(triton, cache, say)


def complete(folder: Path, *, python: tuple[int, int]) -> None:
    """Complete an unpacked wheel in `folder`: the stub of `python` beside the backend, and the run bits."""
    triton = Triton(home=(folder / TRITON.proof).parents[1], libpython=folder)
    shutil.copy2(triton.home / "python_backend_stubs" / _dotted(python) / triton.stub.name, triton.stub)
    make_executable(triton.server, triton.stub)


def find_library(python: tuple[int, int], cache: Path, say: Say) -> Path:
    """Return the folder of libpython, fetched from Debian where need be. Raises Missing."""
    found = libpython.find(python, libpython.usual_places()) or libpython.fetch_from_debian(python, cache, say)
    if found is None:
        name = libpython.library_name(python)
        raise Missing(
            f"Triton's Python backend needs {name}, which this Python does not bring: "
            f"install it (Debian, Ubuntu: apt install libpython{_dotted(python)})."
        )
    return found


def run_probe(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run `command` and return what it said on standard error."""
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"error: {problem}"
    killed = f"error: killed by signal {-done.returncode}" if done.returncode < 0 else ""
    return killed or done.stderr.decode(errors="replace")


def fails_to_start(triton: Triton, *, probe: Probe = run_probe) -> str | None:
    """Return one sentence if the server or the stub cannot be started here (a library that is missing, noexec)."""
    environ = triton.environment(os.environ)
    for program, words in ((triton.server, ("--help",)), (triton.stub, ())):
        said = probe((str(program), *words), environ).strip().splitlines()
        if said and "error" in said[0]:
            return f"Triton's {program.name} does not start here ({said[0]})."
    return None


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
