"""A long prompt, read in pieces of several sizes and as a whole: what it costs, and how long a neighbour waits.

    python -m tests.bench.reading [--rounds 5] [--tokens 1024] [--folder FOLDER] [--precision fp32]

The model is that of `tests.bench.decode` with a longer context, written where it is not there yet (extra `export`). All
figures come from one loaded engine, in turns. The neighbour is an answer that is being written meanwhile: the longest
time between two of its tokens.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.decode_model import PRECISIONS, write
from tests.bench.rounds import against, interleaved, machine
from tests.unit.triton_models.by_path import ROOT

CONTEXT = 4096
SIZES = (64, 128, 256, 512)
WHOLE = "as a whole"
BEFORE, NEIGHBOUR = 5, 40
"""Tokens that the neighbour has when the prompt comes, and in the end."""


def prompt(tokens: int, seed: int) -> str:
    """A text of so many tokens: the model's tokenizer has one for each letter."""
    return "".join(chr(ord("a") + letter) for letter in np.random.default_rng(seed).integers(0, 26, tokens))


def read(loaded: Any, asked: Any, piece: int) -> float:
    """Milliseconds of processor to the first token."""
    loaded.piece, began = piece, time.process_time()
    list(loaded.generate(asked))
    return 1000 * (time.process_time() - began)


def waits(loaded: Any, asked: Any, neighbour: Any, piece: int) -> float:
    """Milliseconds between two tokens of the neighbour, at most, while the prompt is read."""
    from engine.answer import Answer

    class Timed(Answer):
        def choose(self, logits: Any, whole: float) -> None:
            times.append(time.perf_counter())
            super().choose(logits, whole)

    times: list[float] = []
    loaded.piece = piece
    ours = Timed(limit=NEIGHBOUR, ends=frozenset(), constraint=None)
    begun = loaded._begin(loaded._words.prompt(neighbour, None), None, neighbour, NEIGHBOUR)
    begun.join(ours, neighbour.priority)
    while len(times) < BEFORE:
        time.sleep(0.001)
    list(loaded.generate(asked))
    ours.wait()
    return 1000 * float(np.diff(times).max())


def main() -> None:
    """Measure reading, then the neighbour's wait."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "preread-bench-reading")
    parser.add_argument("--precision", choices=PRECISIONS, action="append")
    arguments = parser.parse_args()
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    write(arguments.folder, CONTEXT)
    sys.path.insert(0, str(ROOT))
    from engine import contract, engines

    asked = contract.Request((contract.Text(prompt(arguments.tokens, 1)),), max_tokens=1)
    neighbour = contract.Request((contract.Text(prompt(32, 2)),), max_tokens=NEIGHBOUR)
    pieces = {WHOLE: 0} | {f"{size} at a time": size for size in SIZES}
    print(f"{machine()}, a prompt of {arguments.tokens} tokens", flush=True)
    for precision in arguments.precision or PRECISIONS:
        loaded = engines.load(arguments.folder / precision)
        for what, figure in (
            ("processor to the first token", partial(read, loaded, asked)),
            ("the neighbour's longest wait", partial(waits, loaded, asked, neighbour)),
        ):
            measured = interleaved({name: partial(figure, piece) for name, piece in pieces.items()}, arguments.rounds)
            print(f"{precision}, {what}", flush=True)
            for name in list(pieces)[1:]:
                print("  " + against(measured, name, WHOLE, None, unit="ms"), flush=True)


if __name__ == "__main__":
    main()
