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


def answered(engine: Engine, tokens: int, images: int) -> tuple[float, float, int]:
    """Return the seconds to the first piece and to the last, and how many tokens the answer took."""
    drawn = tuple(goldens.draw(seed, 512, 512) for seed in range(images))
    request = Request((*map(ImageRef, range(images)), QUESTION), drawn, max_tokens=tokens)
    begun, at = time.perf_counter(), []
    for chunk in engine.generate(request):
        at.append(time.perf_counter() - begun)
    return at[0], at[-1], int(chunk.usage["completion_tokens"])


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
    found = [answered(engine, arguments.tokens, arguments.images) for _ in range(4)][1:]
    first, last, tokens = min(found, key=lambda times: times[1])
    each_ms = (last - first) / max(1, tokens - 1) * 1e3
    print(json.dumps({**engine.identity(), "tokens": tokens, "first_ms": first * 1e3, "each_ms": each_ms}))


if __name__ == "__main__":
    main()
