"""What Triton and gRPC add to the engine alone, and how soon the first words come.

    python -m tests.bench.overhead [--rounds 30] [--repository FOLDER --model NAME --text]

The same question in this process and through a Triton of its own, in turn; the answers must be the same. Then so many
at once through Triton. `--repository` and `--model` name another model than the demo's, `--text` one without images.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from service.adapters.wire import encode
from service.ports.models import Models, Question
from tests.bench.question import about
from tests.bench.rounds import against, interleaved, machine
from tests.support import triton_server
from tests.support.installation import REPOSITORY

TARGET = 1.05
"""Times as long as the engine alone."""
AT_ONCE = (1, 2, 4, 8)


@dataclass
class Asked:
    """One way of asking: how long the whole answer took each time, and how long its first piece."""

    answer: Callable[[Callable[[str], None]], str]
    first_ms: list[float] = field(default_factory=list)
    text: str = ""

    def ms(self) -> float:
        begun, came = time.perf_counter(), list[float]()
        self.text = self.answer(lambda piece: came.append(time.perf_counter()))
        self.first_ms.append(1000 * (came[0] - begun))
        return 1000 * (time.perf_counter() - begun)


def through(models: Models, question: Question) -> Asked:
    """Asked of a server."""
    return Asked(lambda heard: models.ask(question, on_text=heard).text)


def alone(repository: Path, question: Question) -> Asked:
    """Asked of the engine in this process, after the same reading of the request."""
    sys.path.insert(0, str(REPOSITORY / "triton_models"))
    from engine import contract, engines

    engine = engines.load(repository / question.model)
    tensors = encode(question)

    def answer(heard: Callable[[str], None]) -> str:
        text = ""
        for chunk in engine.generate(contract.parse(tensors)):
            if chunk.text:
                heard(chunk.text)
                text += chunk.text
        return text

    return Asked(answer)


def main() -> None:
    """Compare, then ask several at once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--repository", type=Path, default=REPOSITORY / "triton_models")
    parser.add_argument("--model", default="chest_demo")
    parser.add_argument("--text", action="store_true")
    parser.add_argument("--tokens", type=int, default=160)
    arguments = parser.parse_args()
    question = about(arguments.model, image=not arguments.text, max_tokens=arguments.tokens)
    print(machine())
    with (
        tempfile.TemporaryDirectory() as folder,
        triton_server.serving(Path(folder), arguments.repository, [arguments.model]) as server,
    ):
        compare(alone(arguments.repository, question), through(server.models, question), arguments.rounds)
        usage = server.models.ask(question).usage
        print(f"an answer of {usage['completion_tokens']} tokens")
        for number in AT_ONCE:
            at_once(server.models, question, number, arguments.rounds)


def compare(engine: Asked, triton: Asked, rounds: int) -> None:
    """Print what Triton adds to the engine's time."""
    measured = interleaved({"engine": engine.ms, "Triton": triton.ms}, rounds, warm=3)
    assert engine.text == triton.text, "the two did not answer the same"
    print(against(measured, "Triton", "engine", TARGET, unit="ms", least=False))
    least = {name: min(figures) for name, figures in measured.figures.items()}
    print(
        f"least of all rounds, which a busy machine disturbs least: {least['engine']:.1f} and {least['Triton']:.1f} ms"
    )
    first = statistics.median(engine.first_ms), statistics.median(triton.first_ms)
    print(f"first words after {first[0]:.1f} ms from the engine, {first[1]:.1f} ms through Triton")


def at_once(models: Models, question: Question, number: int, rounds: int) -> None:
    """Print when the first and the last words come where `number` questions are asked at once."""
    asked = [through(models, question) for _ in range(number)]
    with ThreadPoolExecutor(number) as pool:
        whole = [ms for _ in range(max(3, rounds // 3)) for ms in pool.map(Asked.ms, asked)]
    first = statistics.median(ms for one in asked for ms in one.first_ms)
    print(f"{number} at once: first words after {first:.1f} ms, the whole after {statistics.median(whole):.1f} ms")


if __name__ == "__main__":
    main()
