"""How long a structured report and a segmentation take to write, and how much memory, beside highdicom's own calls.

    python -m tests.bench.objects [--rounds 5] [--findings 50] [--slices 300]

Each round writes both objects in a fresh process, ours and highdicom's in turn: 50 findings with a diameter, a
certainty and a mask each, over 300 slices of 512 x 512. Seconds are of the processor, so that a busy machine counts
less; memory is what writing adds to the process's peak, its input in place.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module

from tests.bench.rounds import against, interleaved, machine

WRITERS = {"ours": "tests.bench.objects_ours", "highdicom": "tests.bench.objects_highdicom"}
SR_TARGET_S = 0.5
Write = Callable[[], bytes]


@dataclass(frozen=True)
class Cost:
    """Of writing both objects once."""

    sr_s: float
    seg_s: float
    peak_mib: float
    sr_bytes: int
    seg_bytes: int


def main() -> None:
    """Compare, or write once for the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--findings", type=int, default=50)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--once", choices=WRITERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(asdict(_written(arguments.once, arguments.findings, arguments.slices))))
    else:
        compare(arguments.rounds, arguments.findings, arguments.slices)


def compare(rounds: int, findings: int, slices: int) -> None:
    """Print seconds and memory of both, round by round in turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in WRITERS}

    def once(name: str) -> Callable[[], float]:
        def measure() -> float:
            costs[name].append(_in_a_process(name, findings, slices))
            return costs[name][-1].sr_s + costs[name][-1].seg_s

        return measure

    print(machine())
    whole = interleaved({name: once(name) for name in WRITERS}, rounds, warm=0)
    print(f"{findings} findings, {slices} slices")
    for name, spent in costs.items():
        least = min(cost.sr_s for cost in spent)
        print(
            f"{name}: SR {_middle(spent, 'sr_s'):.2f} s (least {least:.2f}), SEG {_middle(spent, 'seg_s'):.2f} s, "
            f"peak + {_middle(spent, 'peak_mib'):.0f} MiB, {spent[0].sr_bytes:,} and {spent[0].seg_bytes:,} bytes"
        )
    print(against(whole, "ours", "highdicom", None, unit="s", faster=True))
    met = min(cost.sr_s for cost in costs["ours"]) <= SR_TARGET_S
    print(f"our SR within {SR_TARGET_S} s in the round that was disturbed least: {'met' if met else 'MISSED'}")


def _in_a_process(name: str, findings: int, slices: int) -> Cost:
    command = [sys.executable, "-m", "tests.bench.objects", "--once", name]
    command += ["--findings", str(findings), "--slices", str(slices)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout))


def _written(name: str, findings: int, slices: int) -> Cost:
    report, segmentation = import_module(WRITERS[name]).writers(findings, slices)
    before = _peak_mib()
    sr_s, sr = _timed(report)
    seg_s, seg = _timed(segmentation)
    return Cost(sr_s, seg_s, _peak_mib() - before, len(sr), len(seg))


def _timed(write: Write) -> tuple[float, bytes]:
    begun = time.process_time()
    part10 = write()
    return time.process_time() - begun, part10


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _middle(spent: list[Cost], what: str) -> float:
    figures = sorted(getattr(cost, what) for cost in spent)
    return float(figures[len(figures) // 2])


if __name__ == "__main__":
    main()
