"""How long the pages take with a million studies, beside a thousand.

    python -m tests.bench.pages [--studies 1000000] [--few 1000] [--rounds 5] [--postgresql] [--only WORDS]

Both ledgers are filled first (`pages_filled`; a minute or two, some gigabytes), then the same pages are asked of both,
in turn, through the application with its door and templates; the model server and the archive are none. Told is the
time of a page over a million studies divided by that over a thousand: 1 is a page that does not notice.
`--postgresql` makes a cluster of its own for both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from service.adapters.ledger import SqlLedger
from service.domain.account import Role
from service.ports.clock import StoppedClock
from service.web.app import create_app
from tests.bench.pages_filled import EVERY_S, NOW, fill, study_uid
from tests.bench.rounds import Measured, interleaved, machine
from tests.contract.ledger.postgresql import Cluster
from tests.support.fake_house import House
from tests.support.web_client import PAGE, TestClient, csrf_of

TARGET = 3.0
"""How many times as long a page may take: an index is a few levels deeper, and the machine caches less of it."""
FAST_S = 0.2
"""Or how long it may take, whatever the ratio."""


@dataclass
class Site:
    """One filled ledger behind the front door."""

    ledger: SqlLedger
    studies: int
    browser: TestClient
    csrf: str
    clock: StoppedClock
    oldest: str
    """Where the last page of the work list begins."""

    @classmethod
    def of(cls, ledger: SqlLedger, studies: int) -> Site:
        house = House()
        house.clock.at = NOW
        services = replace(house.services(), ledger=ledger, catalogue=ledger, signing=ledger, returning=ledger)
        app = create_app(services, watch_nodes=False)
        browser = TestClient(app, base_url="http://preread.test", follow_redirects=False)
        browser.headers.update(PAGE)
        browser.post("/sign-in", data={"token": house.token(Role.ADMIN, Role.RADIOLOGIST)})
        return cls(ledger, studies, browser, csrf_of(browser.get("/studies")), house.clock, _last_place(ledger))

    def get(self, path: str) -> None:
        answer = self.browser.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-500:])

    def search(self, **fields: str) -> None:
        answer = self.browser.post("/studies", data={"csrf": self.csrf, **fields})
        assert answer.status_code == 200, (fields, answer.status_code)

    def later(self, path: str, seconds: float) -> None:
        """What is looked at once a second, some seconds after the last look."""
        self.clock.at += timedelta(seconds=seconds)
        self.get(path)

    def day(self, ago: float) -> str:
        """A day, `ago` of the way back to the first study."""
        return f"{NOW - timedelta(seconds=EVERY_S * self.studies * ago):%Y-%m-%d}"


def _last_place(ledger: SqlLedger) -> str:
    """Almost the end of the work list: the newest draft of those that are not urgent."""
    last = ledger.waiting(after=(2, NOW - timedelta(seconds=EVERY_S * 600), "9"), limit=1)[0].place
    return f"{last[0]},{last[1].isoformat()},{last[2]}"


Ask = Callable[[Site], None]
ASKED: Mapping[str, Ask] = {
    "studies": lambda site: site.get("/studies"),
    **{
        f"studies, {state}": lambda site, state=state: site.get(f"/studies?state={state}")  # type: ignore[misc]
        for state in ("receiving", "scheduled", "reading", "delivering", "attention", "unmatched", "done")
    },
    "studies, a common modality": lambda site: site.get("/studies?modality=CT"),
    "studies, a rare modality": lambda site: site.get("/studies?modality=PX"),
    "studies, a modality of years ago": lambda site: site.get("/studies?modality=CR"),
    "studies, a rare modality that needs a person": lambda site: site.get("/studies?modality=PX&state=attention"),
    "studies, last page": lambda site: site.search(
        before_at=(NOW - timedelta(seconds=EVERY_S * (site.studies - 30))).isoformat(), before_uid="1.2"
    ),
    "studies, of a day long ago": lambda site: site.search(since=site.day(0.9), until=site.day(0.9)),
    "studies, first letter of a name": lambda site: site.search(patient_name="m"),
    "studies, four letters of a name": lambda site: site.search(patient_name="mqzk"),
    "studies, first letter, need a person": lambda site: site.search(patient_name="m", state="attention"),
    "studies, first letter, on a day long ago": lambda site: site.search(
        patient_name="m", since=site.day(0.9), until=site.day(0.9)
    ),
    "studies, patient ID": lambda site: site.search(patient_id="MRN77"),
    "studies, an accession number": lambda site: site.search(accession_number="A26-777"),
    "studies, accession numbers of years ago": lambda site: site.search(accession_number="A22-"),
    "studies, accession numbers of years ago that are done": lambda site: site.search(
        accession_number="A22-", state="done"
    ),
    "studies, accession numbers of years ago, next page": lambda site: site.search(
        accession_number="A22-", before_at=f"{site.day(0.9)}T00:00:00+00:00", before_uid="1.2"
    ),
    "studies, a name in accession numbers of years ago": lambda site: site.search(
        accession_number="A22-", patient_name="m"
    ),
    "studies, a UID": lambda site: site.search(study_instance_uid=str(study_uid(site.studies // 2))),
    "work list": lambda site: site.get("/worklist"),
    "work list, last page": lambda site: site.get(f"/worklist?after={site.oldest.replace('+', '%2B')}"),
    "study": lambda site: site.get(f"/studies/{study_uid(site.studies // 2 + 3)}"),
    "jobs": lambda site: site.get("/jobs"),
    "deliveries": lambda site: site.get("/deliveries"),
    "operations, a second later": lambda site: site.later("/operations", 1.1),
    "operations, everything counted again": lambda site: site.later("/operations", 61),
    "metrics, a second later": lambda site: site.later("/metrics", 1.1),
}


def main() -> None:
    """Fill both, ask both, tell what takes how much longer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--only", default="", help="questions whose name has these words")
    parser.add_argument("--folder", type=Path, help="where SQLite's files are kept for another run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, _urls(arguments.folder or Path(made), arguments.postgresql) as url:
        sites = {name: _site(url(name), number) for name, number in (
            (f"{arguments.few}", arguments.few), (f"{arguments.studies}", arguments.studies))}  # fmt: skip
        print(machine())
        for name, ask in ASKED.items():
            if arguments.only in name:
                print(_told(name, _measured(ask, sites, arguments.rounds), *sites))
        for site in sites.values():
            site.ledger.close()


@contextmanager
def _urls(folder: Path, postgresql: bool) -> Iterator[Callable[[str], str]]:
    if not postgresql:
        yield lambda name: f"sqlite:///{folder / f'{name}.sqlite'}"
        return
    with Cluster() as cluster:
        yield lambda name: cluster.create(f"pages_{name}")


def _site(url: str, studies: int) -> Site:
    ledger, began = SqlLedger(url), time.monotonic()
    if ledger.pending():
        fill(ledger, studies)
        print(f"{studies} studies filled in {time.monotonic() - began:.0f} s")
    return Site.of(ledger, studies)


def _measured(ask: Ask, sites: Mapping[str, Site], rounds: int) -> Measured:
    def once(site: Site) -> Callable[[], float]:
        def measure() -> float:
            began = time.perf_counter()
            ask(site)
            return time.perf_counter() - began

        return measure

    return interleaved({name: once(site) for name, site in sites.items()}, rounds, warm=2)


def _told(name: str, measured: Measured, few: str, many: str) -> str:
    ratio, (low, high) = measured.ratio(many, few), measured.spread(many, few)
    times = f"{measured.median(few) * 1000:.0f} and {measured.median(many) * 1000:.0f} ms"
    holds = ratio <= TARGET or measured.median(many) <= FAST_S
    return f"{name}: {times}, ratio {ratio:.2f} ({low:.2f} to {high:.2f}): {'holds' if holds else 'DOES NOT HOLD'}"


if __name__ == "__main__":
    main()
