"""Milliseconds per token: ONNX Runtime GenAI, and this repository's engine over it, against peers on the same weights.

    python -m tests.bench.decode [--rounds 5] [--tokens 48] [--minutes 0] [--batch 1 --batch 8] [--folder FOLDER]

Runs in an environment with the extra `export` (torch, transformers, onnxruntime-genai's builder); llama.cpp and the
like take part where they are installed. A random Llama of about 100 million parameters is written, exported by the
builder in fp32 and int4, and every contender decodes in a process of its own that waits while the others run.
"""

from __future__ import annotations

import argparse
import json
import math
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
"""Decoded in each measurement where no other number is asked for."""
FIRST = 12
"""Tokens of an answer before those that are measured: what is asked at once has become one batch by then."""
LEAST_TOKENS = 8
SHARES = {1: 1, 8: 3}
"""How the time is shared among the batches where it is bounded: eight answers take longer than one."""
TARGETS = {"transformers fp32": {1: 2.0, 8: 3.0}, "llama.cpp fp32": {}, "llama.cpp int4": {1: 1.0, 8: 1.0}}
"""Times as fast as each peer, by batch."""

Decode = Callable[[int], None]


class Contender:
    """A process that decodes when it is told to."""

    def __init__(self, name: str, batch: int, folder: Path, tokens: int) -> None:
        command = [sys.executable, "-m", "tests.bench.decode", "--contender", name, "--batch", str(batch)]
        command += ["--tokens", str(tokens)]
        self._log = folder / f"{name}.log"
        self._process = subprocess.Popen(
            [*command, "--folder", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log.open("w"), text=True,
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
        said = self._log.read_text().strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"a contender ended: {said[0]} ({self._log})")


def contend(name: str, batch: int, folder: Path, tokens: int) -> None:
    """Be one contender: load, decode two tokens to be warm, say so, measure at each line of stdin."""
    try:
        decode = decode_peers.CONTENDERS[name](folder, batch, tokens + FIRST)
        decode(2)
    except ImportError as missing:
        print(json.dumps({"why_not": str(missing)}), flush=True)
        return
    print(json.dumps({"why_not": ""}), flush=True)
    for _ in sys.stdin:
        first_s, whole_s = (min(seconds(decode, wanted) for _ in range(2)) for wanted in (FIRST, tokens + FIRST))
        print(json.dumps({"ms": 1000 * (whole_s - first_s) / tokens}), flush=True)


def seconds(decode: Decode, tokens: int) -> float:
    """How long the answer of `tokens` tokens takes, the prompt's reading included."""
    begun = time.perf_counter()
    decode(tokens)
    return time.perf_counter() - begun


def compare(folder: Path, batch: int, rounds: int, tokens: int, within_s: float) -> Measured:
    """All contenders that are installed, interleaved; loading them counts as part of the time."""
    began = time.monotonic()
    started: dict[str, Contender] = {}
    try:
        for name in decode_peers.CONTENDERS:
            started[name] = Contender(name, batch, folder, tokens)
            say(f"{name} is loaded and warm ({time.monotonic() - began:.0f} s)")
        for name, contender in started.items():
            if contender.why_not:
                print(f"  {name} does not take part: {contender.why_not}")
        left_s = within_s - (time.monotonic() - began)
        taking_part = {name: one.ms_per_token for name, one in started.items() if not one.why_not}
        return interleaved(taking_part, rounds, warm=0, within_s=left_s, say=say)
    finally:
        for contender in started.values():
            contender.end()


def say(words: str) -> None:
    """Print one line of progress."""
    print(f"    {words}", file=sys.stderr, flush=True)


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
    parser.add_argument("--tokens", type=int, default=TOKENS, help=f"decoded in each measurement ({TOKENS})")
    parser.add_argument("--minutes", type=float, default=0, help="begin no round that would end later (0: no end)")
    parser.add_argument("--contender", choices=decode_peers.CONTENDERS)
    parser.add_argument("--batch", type=int, action="append", help="answers at once (1 and 8)")
    arguments = parser.parse_args()
    if arguments.tokens < LEAST_TOKENS or arguments.rounds < 1:
        parser.error(f"at least {LEAST_TOKENS} tokens and one round make a figure")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if arguments.contender:
        contend(arguments.contender, arguments.batch[0], arguments.folder, arguments.tokens)
        return
    began, batches = time.monotonic(), arguments.batch or list(SHARES)
    write(arguments.folder)
    print(f"{machine()}, {arguments.tokens} tokens, {arguments.rounds} rounds at most", flush=True)
    for number, batch in enumerate(batches):
        print(f"batch {batch}", flush=True)
        left_s = arguments.minutes * 60 - (time.monotonic() - began) if arguments.minutes else math.inf
        shares = [SHARES.get(one, 1) for one in batches[number:]]
        within_s = left_s * shares[0] / sum(shares)
        measured = compare(arguments.folder, batch, arguments.rounds, arguments.tokens, within_s)
        print(f"  {len(next(iter(measured.figures.values())))} rounds", flush=True)
        tell(measured, batch)


if __name__ == "__main__":
    main()
