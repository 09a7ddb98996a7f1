"""A running Triton: its command line and its environment.

The stubs in the wheel were built before NumPy 2 and misread every array under it (wrong strides, empty BYTES outputs),
so a NumPy 1.26 stands first on the path of models here. A current Triton needs none.
"""

import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from service.embedded.ports import LOOPBACK

EXIT_TIMEOUT_S = 3
"""How long Triton lets running requests finish; below the supervisor's grace."""
NOT_INHERITED = frozenset({"PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "VIRTUAL_ENV"})


class Ports(NamedTuple):
    """Where Triton listens, on loopback."""

    http: int
    grpc: int
    metrics: int


@dataclass(frozen=True)
class Triton:
    """An unpacked Triton that was seen to start."""

    home: Path
    libpython: Path
    """The folder with the shared library of the running interpreter."""
    numpy: Path | None = None
    """The folder with the NumPy that the stubs were built for, which goes before ours."""

    @property
    def server(self) -> Path:
        return self.home / "bin" / "tritonserver"

    @property
    def stub(self) -> Path:
        return self.home / "backends" / "python" / "triton_python_backend_stub"

    def command(
        self, *, repositories: Sequence[Path], models: Iterable[str], ports: Ports, log: Path | None = None
    ) -> tuple[str, ...]:
        """Return the command line that serves `models` out of `repositories` on loopback.

        A model that fails to load leaves the others served; ask for each model's readiness, not the server's.
        """
        options = [
            *(f"--model-repository={folder.absolute()}" for folder in repositories),
            "--model-control-mode=explicit",
            *(f"--load-model={name}" for name in models),
            "--exit-on-error=false",
            "--strict-readiness=false",
            f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
            f"--backend-directory={self.home / 'backends'}",
            f"--cache-directory={self.home / 'caches'}",
            f"--backend-config=python,shm-region-prefix-name={shared_memory_prefix(ports)}",
            *(f"--{name}-address={LOOPBACK}" for name in Ports._fields),
            *(f"--{name}-port={port}" for name, port in ports._asdict().items()),
            "--allow-gpu-metrics=false",
            *([f"--log-file={log}"] if log else []),
        ]
        return (str(self.server), *options)

    def environment(self, environ: Mapping[str, str], *, device: str = "") -> dict[str, str]:
        """Return `environ` as Triton and its stubs need it; they see a GPU only where `device` is cuda.

        The stub embeds our interpreter: PYTHONHOME leads it to the standard library, and model.py puts
        PREREAD_SITE_PACKAGES on its path because the stub ignores PYTHONPATH and virtual environments.
        """
        libraries = (str(self.libpython), environ.get("LD_LIBRARY_PATH"))
        return {name: value for name, value in environ.items() if name not in NOT_INHERITED} | {
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
            "PYTHONHOME": os.pathsep.join(dict.fromkeys((sys.base_prefix, sys.base_exec_prefix))),
            "PREREAD_SITE_PACKAGES": os.pathsep.join(filter(None, (str(self.numpy or ""), *site_packages()))),
            "PYTHONDONTWRITEBYTECODE": "1",  # model repositories are read-only at run time
            "PREREAD_MODELS__DEVICE": device,
            "ORT_DISABLE_TELEMETRY": "1",
            **({} if device == "cuda" else {"CUDA_VISIBLE_DEVICES": ""}),
        }


def site_packages() -> tuple[str, ...]:
    """Return the folders that hold this environment's installed packages."""
    return tuple(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))


def shared_memory_prefix(ports: Ports) -> str:
    """Return the beginning of the names under /dev/shm that a Triton on `ports` uses, and leaves behind when killed."""
    return f"preread-triton-{ports.grpc}-"
