"""One export, as a child process of `preread models add`: a job in, progress out, a model folder or none.

    python triton_models/export/main.py JOB.json

Standard output has one JSON object a line: {"step": words} while it works, then {"made": name, "record": ...} or
{"error": sentence}. A folder that differs from the framework's model is made only where the job overrides it.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# As a script this file is alone on the path; both packages are found beside it.
sys.path[0] = str(Path(__file__).resolve().parents[1])
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1"}

from engine.folder import ModelError  # noqa: E402 - found on the path above

from export.card import Job  # noqa: E402
from export.trouble import Differs, ExportError  # noqa: E402


def say(**words: Any) -> None:
    """Print one line for whoever waits."""
    print(json.dumps(words), flush=True)


def main(argv: Sequence[str]) -> None:
    """Do the job that the file names."""
    told = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
    try:
        try:
            record = _do(told)
        except ImportError as error:
            raise ExportError(f"this Python lacks {error.name}: install the extra `export` into it") from error
    except (ExportError, ModelError, OSError) as error:
        say(error=str(error), differs=isinstance(error, Differs))
        raise SystemExit(1) from error
    say(made=told["name"], record=record)


def _do(told: dict[str, Any]) -> dict[str, Any]:
    """Make an adapter of the model that the job names, or else a model."""
    if "adapter_of" in told:
        from export.adapt import AdapterJob, adapt

        return adapt(AdapterJob(**told["adapter_of"]), say=_step)
    from export.make import make

    return make(Job(**told), say=_step)


def _step(words: str) -> None:
    say(step=words)


if __name__ == "__main__":
    main(sys.argv[1:])
