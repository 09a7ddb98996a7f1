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


def paces(engine: Engine, tokens: int, images: int) -> list[float]:
    """Return when the question came and when each token was there, in seconds.

    The engine asks before each token whether to stop.
    """
    drawn = tuple(goldens.draw(seed, 512, 512) for seed in range(images))
    request = Request((*map(ImageRef, range(images)), QUESTION), drawn, max_tokens=tokens)
    at: list[float] = []

    def go_on() -> str:
        at.append(time.perf_counter())
        return ""

    for _ in engine.generate(request, go_on):
        pass
    return [at[0], *at[2:], time.perf_counter()]


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
    asked, first, *others = min(found, key=lambda at: at[-1] - at[0])
    told = {"first_ms": (first - asked) * 1e3, "each_ms": (others[-1] - first) / len(others) * 1e3 if others else None}
    print(json.dumps({**engine.identity(), "tokens": 1 + len(others), **told}))


if __name__ == "__main__":
    main()
