"""Order and SignedReport: what HL7 v2 or FHIR bring (the words; the ports stand, adapters come later)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.domain.study import Patient


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """An imaging service request (ORM/OMI, FHIR ServiceRequest)."""

    accession_number: str
    patient: Patient
    placed_at: datetime
    indication: str = ""
    stat: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedReport:
    """A report that a named radiologist signed in the reporting system (ORU, FHIR DiagnosticReport)."""

    accession_number: str
    text: str
    signed_by: str
    signed_at: datetime
