"""Studies that a viewer can look at: received for good, into a ledger and a spool of the test's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from service.adapters.ledger import SqlLedger
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.adapters.viewing_pydicom import PydicomViewing
from service.domain.config import Configuration
from service.flow.receive import receive
from service.ports.ledger import Admission, Association
from service.web.services import Services
from tests.support.fake_house import NOW, House
from tests.support.receiving import ANYBODY


@dataclass
class Shelf:
    """A real ledger and spool behind the front door of `house`; everything else of it stays fake."""

    house: House
    ledger: SqlLedger
    spool: FileSpool
    viewing: PydicomViewing
    headers: Part10Headers

    def services(self) -> Services:
        ours = self.house.services()
        return replace(ours, ledger=self.ledger, catalogue=self.ledger, viewing=self.viewing)

    def keep(self, *files: bytes, own_devices: Collection[str] = ()) -> list[Admission]:
        """Receive objects, one association for all."""
        association = Association(
            association_id="one", source=ANYBODY.name, calling_ae_title="T", address="127.0.0.1", opened_at=NOW
        )
        self.ledger.open_association(association)
        admissions = [self._receive(file, association, own_devices) for file in files]
        self.ledger.close_association("one", how="released", at=NOW)
        return admissions

    def keep_files(self, paths: Iterable[Path]) -> list[Admission]:
        return self.keep(*(path.read_bytes() for path in paths))

    def _receive(self, file: bytes, association: Association, own_devices: Collection[str]) -> Admission:
        with self.spool.incoming() as incoming:
            incoming.write(file)
            return receive(
                incoming, association, spool=self.spool, ledger=self.ledger, headers=self.headers,
                configuration=lambda: Configuration(sources=(ANYBODY,)), clock=self.house.clock,
                own_devices=own_devices,
            )  # fmt: skip


@contextmanager
def shelf(folder: Path) -> Iterator[Shelf]:
    ledger, spool = SqlLedger(f"sqlite:///{folder / 'ledger.sqlite'}"), FileSpool(folder / "spool")
    ledger.upgrade()
    viewing, headers = PydicomViewing(spool.open), Part10Headers()
    try:
        yield Shelf(House(), ledger, spool, viewing, headers)
    finally:
        viewing.close()
        headers.close()
        ledger.close()
