"""Milliseconds per token: ONNX Runtime GenAI, and this repository's engine over it, against peers on the same weights.

    python -m tests.bench.decode [--rounds 5] [--folder FOLDER]

Runs in an environment with the extra `export` (torch, transformers, onnxruntime-genai's builder); llama.cpp and the
like take part where they are installed. A random Llama of about 100 million parameters is written, exported by the
builder in fp32 and int4, and every contender decodes in a process of its own that waits while the others run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import decode_peers
from tests.bench.decode_model import write
from tests.bench.rounds import Measured, against, interleaved, machine

TOKENS = 48
"""Decoded in each measurement, after the first."""
TARGETS = {"transformers fp32": {1: 2.0, 8: 3.0}, "llama.cpp fp32": {}, "llama.cpp int4": {1: 1.0, 8: 1.0}}
"""Times as fast as each peer, by batch."""

Decode = Callable[[int], None]


class Contender:
    """A process that decodes when it is told to."""

    def __init__(self, name: str, batch: int, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.bench.decode", "--contender", name, "--batch", str(batch)]
        self._process = subprocess.Popen(
            [*command, "--folder", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(folder / f"{name}.log").open("w"), text=True,
        )  # fmt: skip
        self.why_not = self._said().get("why_not", "")

    def ms_per_token(self) -> float:
        """Milliseconds per decoding step of the whole batch."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._said()["ms"])

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _said(self) -> dict[str, str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                told: dict[str, str] = json.loads(line)
                return told
        raise RuntimeError("a contender ended: see its log in the folder")


def contend(name: str, batch: int, folder: Path) -> None:
    """Be one contender: load, say so, measure at each line of stdin."""
    try:
        decode = decode_peers.CONTENDERS[name](folder, batch, TOKENS + 1)
    except ImportError as missing:
        print(json.dumps({"why_not": str(missing)}), flush=True)
        return
    print(json.dumps({"why_not": ""}), flush=True)
    for _ in sys.stdin:
        first_s, whole_s = (min(seconds(decode, tokens) for _ in range(2)) for tokens in (1, TOKENS + 1))
        print(json.dumps({"ms": 1000 * (whole_s - first_s) / TOKENS}), flush=True)


def seconds(decode: Decode, tokens: int) -> float:
    """How long the answer of `tokens` tokens takes, the prompt's reading included."""
    begun = time.perf_counter()
    decode(tokens)
    return time.perf_counter() - begun


def compare(folder: Path, batch: int, rounds: int) -> Measured:
    """All contenders that are installed, interleaved."""
    started = {name: Contender(name, batch, folder) for name in decode_peers.CONTENDERS}
    try:
        for name, contender in started.items():
            if contender.why_not:
                print(f"  {name} does not take part: {contender.why_not}")
        return interleaved({n: c.ms_per_token for n, c in started.items() if not c.why_not}, rounds)
    finally:
        for contender in started.values():
            contender.end()


def tell(measured: Measured, batch: int) -> None:
    """Print every contender's figure, and each of ours against each peer of its precision."""
    for name in measured.figures:
        print(f"  {name}: {measured.median(name):.1f} ms per step", flush=True)
    for peer in [name for name in TARGETS if name in measured.figures]:
        for ours in [f"{name} {peer.split()[-1]}" for name in ("engine", "GenAI")]:
            print("  " + against(measured, ours, peer, TARGETS[peer].get(batch), unit="ms", faster=True), flush=True)


def main() -> None:
    """Write the model where there is none, then compare at batch 1 and 8."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "preread-bench-decode")
    parser.add_argument("--contender", choices=decode_peers.CONTENDERS)
    parser.add_argument("--batch", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if arguments.contender:
        contend(arguments.contender, arguments.batch, arguments.folder)
        return
    write(arguments.folder)
    print(machine())
    for batch in (1, 8):
        print(f"batch {batch}")
        tell(compare(arguments.folder, batch, arguments.rounds), batch)


if __name__ == "__main__":
    main()
