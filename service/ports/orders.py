"""Orders and signed reports of the reporting system: the port stands, HL7 and FHIR adapters come later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service.domain.order import Order, SignedReport


class Orders(Protocol):
    def order(self, accession_number: str) -> Order | None: ...

    def signed_reports(self, accession_number: str) -> Sequence[SignedReport]: ...


class NoOrders:
    """No reporting system is connected."""

    def order(self, accession_number: str) -> Order | None:
        return None

    def signed_reports(self, accession_number: str) -> Sequence[SignedReport]:
        return ()
