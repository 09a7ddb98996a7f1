"""The whole service, from DICOM to reports in an archive: studies per minute, and a STAT study behind fifty.

    python -m tests.bench.service [--rounds 3] [--only throughput|stat]

`preread up` with its defaults on SQLite, Triton (or the local engine) with the demo model, Orthanc as the archive,
DCMTK as the sender, phantoms of the model's own recipe. A study is done when its reports are stored in the archive.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from service.bootstrap import silent
from tests.bench.rounds import interleaved, machine
from tests.support.installation import NODES, RULES, Installation
from tests.support.phantoms import Phantom, dcmsend, phantoms

IN_FLIGHT = (1, 2, 4, 8)
STUDIES = 8
"""In each measurement of the throughput."""
ROUTINE = 50
URGENT_RULE = """
[[rule]]
name = "urgent"
mode = "live"
priority = "stat"
deadline = "{deadline}"
protocol = "chest-radiograph"
destinations = ["archive"]
when.source = ["emergency"]
"""
URGENT_SOURCE = """
[[source]]
name = "emergency"
ae_title = "EMERGENCY"
networks = ["127.0.0.0/8"]
default_issuer = "TEST"
quiet = "1s"
"""


@contextmanager
def installed(folder: Path) -> Iterator[Installation]:
    """An installation that has read one study before anything is measured."""
    head, *usual = RULES.split("[[rule]]")  # each for the sender alone, else it would take the urgent study, too
    rules = head + URGENT_RULE + "".join(f'[[rule]]{rule.rstrip()}\nwhen.source = ["sender"]\n\n' for rule in usual)
    with Installation(folder / "installation", rules=rules, nodes=NODES + URGENT_SOURCE) as found:
        (first,) = phantoms(folder / "first", seed=900, count=1)
        one_after_another(found, [first])
        yield found


def one_after_another(found: Installation, studies: list[Phantom]) -> None:
    """Send a study, wait for its reports, send the next."""
    for study in studies:
        dcmsend([study.file], found)
        found.settle([study.study], 300)


class Throughput:
    """Studies per minute where so many senders each wait for their reports before they send again."""

    def __init__(self, found: Installation, folder: Path) -> None:
        self._found, self._folder, self._seeds = found, folder, itertools.count(1000)

    def per_minute(self, in_flight: int) -> float:
        seed = next(self._seeds)
        made = phantoms(self._folder / str(seed), seed=seed, count=STUDIES)
        begun = time.monotonic()
        with ThreadPoolExecutor(in_flight) as senders:
            list(senders.map(partial(one_after_another, self._found), [made[at::in_flight] for at in range(in_flight)]))
        return 60 * STUDIES / (time.monotonic() - begun)


def throughput(found: Installation, folder: Path, rounds: int) -> None:
    """Print the studies per minute for each number in flight, and how they grow."""
    bench = Throughput(found, folder / "throughput")
    contenders = {str(number): partial(bench.per_minute, number) for number in IN_FLIGHT}
    measured = interleaved(contenders, rounds, warm=0)
    for name in contenders:
        low, high = measured.spread(name, "1")
        print(
            f"{name} in flight: {measured.median(name):.0f} studies per minute, "
            f"{measured.ratio(name, '1'):.2f} times one in flight ({low:.2f} to {high:.2f})"
        )


def stat(found: Installation, folder: Path, rounds: int) -> None:
    """Print the urgent study's waits beside those of the fifty that came before it."""
    ratios = []
    for number in range(rounds):
        routine = phantoms(folder / f"routine {number}", seed=2000 + number, count=ROUTINE)
        (urgent,) = phantoms(folder / f"urgent {number}", seed=3000 + number, count=1)
        dcmsend([one.file for one in routine], found)
        dcmsend([urgent.file], found, calling="EMERGENCY")
        found.settle([one.study for one in (*routine, urgent)], 900)
        others = [took(found, one) for one in routine]
        ours = took(found, urgent)
        ratios.append(ours / max(others))
        print(
            f"STAT behind {ROUTINE}: report {ours:.1f} s after it was received; "
            f"routine median {statistics.median(others):.1f} s, last {max(others):.1f} s"
        )
    print(f"median: {statistics.median(ratios):.2f} of the wait of the last one before it")


def took(found: Installation, study: Phantom) -> float:
    """Seconds from a study's last image to its last report in the archive."""
    record = found.record(study.study)
    assert record is not None
    sent = [delivery.sent_at for delivery in record.deliveries if delivery.sent_at]
    assert sent, f"no report was delivered: {record.row}"
    return (max(sent) - record.row.received_last).total_seconds()


def main() -> None:
    """Both, on one installation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("throughput", "stat"))
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as place, installed(Path(place)) as found:
        served = silent(found.running_settings(), process="bench").models.state()
        names = ", ".join(f"{one.name} {one.version}" for one in served.models)
        print(f"{served.engine} on {served.provider}: {names}")
        for bench in (throughput, stat):
            if arguments.only in {None, bench.__name__}:
                bench(found, Path(place), arguments.rounds)


if __name__ == "__main__":
    main()
