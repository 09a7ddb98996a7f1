"""The export in its own environment: a child process with a Python that has the extra `export`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from service.domain.errors import Misconfigured, PrereadError, Refused

NEEDED = ("torch", "transformers", "onnx", "onnxruntime_genai", "llguidance", "PIL")
NEEDED_FOR_ADAPTERS = (*NEEDED, "peft", "safetensors")
PROBE = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n) is None])"
PROBE_TIMEOUT_S = 60
LAST_LINES = 3

Say = Callable[[str], None]


class ExportFailed(PrereadError):
    """No model folder was made; the text says why."""


def find_python(candidates: Sequence[Path | None], *, needed: Sequence[str] = NEEDED) -> Path:
    """The first Python among `candidates` that has what is `needed`. Raises Misconfigured saying how to make one."""
    reasons = []
    for python in filter(None, candidates):
        if (lacks := _lacks(python, needed)) is None:
            return python
        reasons.append(f"{python} {lacks}")
    place = next(filter(None, reversed(candidates)), Path("export/bin/python"))
    folder = place.parent.parent
    raise Misconfigured(
        f"no Python here can export a checkpoint ({'; '.join(reasons)}). Make one:\n"
        f"  uv venv --python 3.12 {folder}\n"
        f"  uv pip install --python {place} {requirements()}\n"
        f"or with pip: python3 -m venv {folder} && {place} -m pip install {requirements()}\n"
        f"Then call again; another place is named with --python PATH or models.export_python."
    )


def requirements() -> str:
    """What the extra asks for, as an installer takes it."""
    listed = [one for one in metadata.requires("preread") or () if "extra == 'export'" in one.replace('"', "'")]
    return " ".join(f"'{one.split(';')[0].strip()}'" for one in listed)


def export(python: Path, script: Path, job: Mapping[str, Any], *, say: Say) -> Mapping[str, Any]:
    """Run one export and return its record. Raises ExportFailed, or Refused where the folder is not the model."""
    with tempfile.TemporaryDirectory(prefix="preread-export-") as folder:
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(dict(job)), encoding="utf-8")
        lines, said = _run([str(python), str(script), str(file)], Path(folder) / "stderr", say)
    if "record" in lines:
        return dict(lines["record"])
    if "error" in lines:
        kind = Refused if lines.get("differs") else ExportFailed
        raise kind(str(lines["error"]))
    raise ExportFailed(f"the export of {job['name']} ended without a word: {said or 'killed, perhaps out of memory'}")


def answers(model: Path, script: Path, frame: Path | None) -> Mapping[str, Any]:
    """What the serving engine makes of the model's goldens, in a process of its own. Raises ExportFailed."""
    words = [sys.executable, str(script), str(model), *(["--pixels", str(frame)] if frame else [])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise ExportFailed(f"{model.name} could not be asked: {_last(done.stderr)}") from None
    if "error" in told:
        raise ExportFailed(str(told["error"]))
    return dict(told)


def _run(words: Sequence[str], errors: Path, say: Say) -> tuple[dict[str, Any], str]:
    """Run the child, repeat its steps, and return what it ended with, and its last lines of complaint."""
    ended: dict[str, Any] = {}
    with (
        errors.open("w+b") as stderr,
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True) as child,
    ):
        try:
            for line in child.stdout or ():
                told = _line(line)
                if "step" in told:
                    say(str(told["step"]))
                else:
                    ended |= told
        except BaseException:
            child.kill()
            raise
    return ended, _last(errors.read_text(encoding="utf-8", errors="replace"))


def _line(line: str) -> dict[str, Any]:
    """A line of the child's; libraries that print are not listened to."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _last(text: str) -> str:
    return " ".join(text.strip().splitlines()[-LAST_LINES:])


def _lacks(python: Path, needed: Sequence[str]) -> str | None:
    """What the Python lacks for an export, in words; None if nothing."""
    try:
        done = subprocess.run(
            [str(python), "-c", PROBE, *needed], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "does not start"
    missing = done.stdout.split()
    return f"lacks {', '.join(missing)}" if missing else None
