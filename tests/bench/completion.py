"""Completions: from the request to the first ghost character, and what a model writes after it was told to stop.

    python -m tests.bench.completion [--questions 100] [--only latency|cancel]

`preread up` with its defaults on SQLite, Triton with the demo model, one study of a phantom; over HTTP, one question
after another, each after another word of the draft. The page asks 350 ms after the last key, which is left out.
And a scripted model without an end on a Triton of its own, taken back after a few tokens: the processor time that its
process still takes, in tokens.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import psutil

from service.domain.account import Role
from service.flow.record import read_report
from service.flow.review import draft_text
from service.ports.halt import Halt, Halted
from service.ports.models import Question
from tests.bench.rounds import machine
from tests.support import triton_server
from tests.support.installation import Installation
from tests.support.phantoms import dcmsend, phantoms
from tests.support.scripted_model import Script, write
from tests.support.web_client import csrf_of

TAKEN_BACK_AFTER = (5, 20)
"""Tokens."""
ROUNDS = 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--only", choices=("latency", "cancel"), default="")
    asked = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        if asked.only != "latency":
            cancelled(Path(folder))
        if asked.only != "cancel":
            latencies(Path(folder), asked.questions)


def latencies(folder: Path, questions: int) -> None:
    """Print the medians and 95th percentiles, in ms."""
    with Installation(folder / "installation") as installation:
        (phantom,) = phantoms(folder / "phantoms", seed=303, count=1)
        dcmsend([phantom.file], installation)
        installation.settle([phantom.study])
        record = installation.record(phantom.study)
        assert record is not None
        report = read_report(record.jobs[0].report)
        assert report is not None
        with closing(signed_in(installation)) as browser:
            path = f"/api/studies/{phantom.study}/completion"
            measured = [ask(browser, path, text) for text in islice(cycle(prefixes(draft_text(report))), questions + 5)]
    first = [one for one, _, text in measured[5:] if text]
    whole = [all_of_it for _, all_of_it, _ in measured[5:]]
    marked = sum(bool(text) for _, _, text in measured[5:])
    print(f"{questions} questions, {marked} with something to add")
    for name, times in (("first character", first), ("checked to its end", whole)):
        cuts = statistics.quantiles(times, n=20)
        print(f"{name}: p50 {statistics.median(times) * 1000:.0f} ms, p95 {cuts[18] * 1000:.0f} ms")


def prefixes(text: str) -> list[str]:
    """`text` up to each of its words."""
    words = text.split(" ")
    return [" ".join(words[:count]) for count in range(1, len(words))]


def signed_in(installation: Installation) -> httpx.Client:
    """A radiologist."""
    services = installation.services
    until = services.clock.now() + timedelta(hours=1)
    token = services.accounts.issue("dr.keller", frozenset({Role.RADIOLOGIST}), expires_at=until)
    browser = httpx.Client(base_url=f"http://127.0.0.1:{installation.settings.web.port}", timeout=60)
    browser.post("/sign-in", data={"token": token}, headers={"accept": "text/html"})
    browser.headers["x-csrf-token"] = csrf_of(browser.get("/studies", headers={"accept": "text/html"}))
    return browser


def ask(browser: httpx.Client, path: str, prefix: str) -> tuple[float, float, str]:
    """Seconds to the first character and to the last line, and what was written."""
    begun, first = time.perf_counter(), 0.0
    lines = []
    for line in streamed(browser, path, prefix):
        first = first or time.perf_counter() - begun
        lines.append(line)
    assert "done" in lines[-1], lines[-1]
    return first, time.perf_counter() - begun, lines[-1]["text"]


def said(browser: httpx.Client, path: str, prefix: str) -> dict[str, Any]:
    """The last line of an answer: its whole text, and what the unprompted reading does not carry."""
    *_, last = streamed(browser, path, prefix)
    assert "done" in last, last
    return last


def streamed(browser: httpx.Client, path: str, prefix: str) -> Iterator[dict[str, Any]]:
    """The lines of an answer."""
    with browser.stream("POST", path, json={"prefix": prefix}) as answer:
        answer.raise_for_status()
        yield from map(json.loads, answer.iter_lines())


def cancelled(folder: Path) -> None:
    """Print how many tokens a model still works on after a question was taken back."""
    write(folder / "models", "endless", Script(answers=["No."], endless=True, images=False, work=768))
    with triton_server.serving(folder, folder / "models", ["endless"]) as server:
        (stub,) = server.stubs()
        for after in TAKEN_BACK_AFTER:
            more = [written_after(server, stub, after) for _ in range(ROUNDS)]
            middle = statistics.median(more)
            print(f"taken back after {after} tokens: {min(more):.1f} to {max(more):.1f} more, median {middle:.1f}")


def written_after(server: triton_server.TritonServer, stub: psutil.Process, after: int) -> float:
    """Processor time that the model takes once it was told to stop, in tokens: what one of those before it took."""
    halt = Halt()
    taken_s: list[float] = []

    def hear(piece: str) -> None:
        taken_s.append(worked_s(stub))
        if len(taken_s) == after:
            halt()

    question = Question(model="endless", parts=("Write.",), max_tokens=10_000, timeout_s=60)
    try:
        server.models.ask(question, on_text=hear, halt=halt)
    except Halted:
        *_, last_s = settled_s(stub)
        return (last_s - taken_s[after - 1]) / ((taken_s[after - 1] - taken_s[0]) / (after - 1))
    raise AssertionError("the answer came to an end: it is too short to be taken back")


def settled_s(stub: psutil.Process) -> Iterator[float]:
    """Processor time of the model, until it takes no more for half a second."""
    seen = -1.0
    while (now := worked_s(stub)) != seen:
        yield now
        seen = now
        time.sleep(0.5)


def worked_s(stub: psutil.Process) -> float:
    times = stub.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
