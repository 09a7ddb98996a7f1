"""How fast a model writes: milliseconds for the first token of an answer, and for each one after it.

    python triton_models/engine/pace.py MODEL [--tokens 64] [--threads N] [--device cuda] [--images 0]

The engine is the one that the model names. Prints one JSON line.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# As a script this file is alone on the path; the package is found beside the models.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine import engines, goldens
from engine.answers import Engine
from engine.contract import ImageRef, Request, Text

QUESTION = Text("Write the report.")


def paces(engine: Engine, tokens: int, images: int) -> tuple[float, float, int]:
    """Return how long the first token and the whole answer took, in seconds, and how many tokens it has."""
    drawn = tuple(goldens.draw(seed, 512, 512) for seed in range(images))
    request = Request((*map(ImageRef, range(images)), QUESTION), drawn, max_tokens=tokens)
    asked, first, written = time.perf_counter(), 0.0, 0
    for chunk in engine.generate(request):
        first = first or time.perf_counter() - asked
        written += len(chunk.tokens)
    return first, time.perf_counter() - asked, written


def main(argv: Sequence[str] | None = None) -> None:
    """Measure four answers and print the fastest; the first warms up."""
    parser = argparse.ArgumentParser(description="How fast a model writes.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="")
    parser.add_argument("--images", type=int, default=0)
    arguments = parser.parse_args(argv)
    engine = engines.load(arguments.model, threads=arguments.threads, device=arguments.device, unverified=True)
    found = [paces(engine, arguments.tokens, arguments.images) for _ in range(4)][1:]
    first, whole, written = min(found, key=lambda pace: pace[1])
    told = {"first_ms": first * 1e3, "each_ms": (whole - first) / (written - 1) * 1e3 if written > 1 else None}
    print(json.dumps({**engine.identity(), "tokens": written, **told}))


if __name__ == "__main__":
    main()
