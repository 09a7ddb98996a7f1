"""QIDO-RS (PS3.18 10.6): search for studies, for series of one, for instances of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from fastapi import Request
from fastapi.responses import Response
from pydicom.uid import UID

from service.domain.audit import AuditKind
from service.domain.study import StoredInstance
from service.flow.words import count
from service.ports.catalogue import StudyQuery, StudyRow
from service.web.dicomweb.attributes import (
    INSTANCE,
    SERIES,
    STUDY,
    dicom_json,
    instance_attributes,
    series_attributes,
    study_attributes,
)
from service.web.dicomweb.matching import Asked, Attributes
from service.web.dicomweb.media import JSON, accepted, chosen
from service.web.dicomweb.resources import Where, looked, the_instances
from service.web.door import visitor_of
from service.web.services import services_of
from service.web.trail import audit

_AT_ONCE = 500
_MOST_LOOKED_AT = 10_000
"""Rows that one search walks past; the keys of patient, order, study and modality are asked of the ledger first."""
_UNSEEN = object()


def studies(request: Request) -> Response:
    """Newest first; audited as a search, by the names of what was asked."""
    asked, where = Asked.read(request, STUDY), Where.of(request)
    kind = chosen(accepted(request), (JSON, "application/json"))
    rows = _Rows(request, asked)
    fitting = (found for row in rows for found in [study_attributes(row, where)] if asked.fit(found))
    page, more = _page(fitting, asked)
    who, listed = visitor_of(request).account.name, count(len(page), "study", "studies")
    audit(request, AuditKind.QUERY, "E", who=who, detail=f"DICOMweb, {asked.told}; {listed} listed")
    return _answer(page, asked, kind, more=more or rows.cut)


def series(request: Request, study_uid: str) -> Response:
    """The series of one study."""
    asked, where = Asked.read(request, SERIES | {"StudyInstanceUID"}), Where.of(request)
    kind = chosen(accepted(request), (JSON, "application/json"))
    members: dict[UID, list[StoredInstance]] = {}
    for stored in the_instances(request, study_uid):
        members.setdefault(stored.instance.series_instance_uid, []).append(stored)
    looked(request, study_uid)
    return _listed((series_attributes(found, where) for found in members.values()), asked, kind)


def instances(request: Request, study_uid: str, series_uid: str = "") -> Response:
    """The instances of one study, or of one series of it."""
    known = INSTANCE | {"StudyInstanceUID", "SeriesInstanceUID"}
    asked, where = Asked.read(request, known), Where.of(request)
    kind = chosen(accepted(request), (JSON, "application/json"))
    found = the_instances(request, study_uid, series_uid)
    looked(request, study_uid)
    return _listed((instance_attributes(stored, where) for stored in found), asked, kind)


class _Rows:
    """The studies that the ledger's own keys leave of a search, newest first; `cut` where it had to stop."""

    def __init__(self, request: Request, asked: Asked) -> None:
        self._catalogue, self._asked = services_of(request).catalogue, asked
        self.cut = False

    def __iter__(self) -> Iterator[StudyRow]:
        uids = self._asked.filters.get("StudyInstanceUID", "").replace("\\", ",").split(",")
        for uid in dict.fromkeys(uids[:_AT_ONCE]):
            yield from self._walk(replace(_query(self._asked), study_instance_uid=uid))

    def _walk(self, query: StudyQuery) -> Iterator[StudyRow]:
        for _ in range(_MOST_LOOKED_AT // _AT_ONCE):
            rows = self._catalogue.studies(query)
            yield from rows
            if len(rows) < query.limit:
                return
            query = replace(query, before=(rows[-1].received_last, str(rows[-1].study_instance_uid)))
        self.cut = True


def _query(asked: Asked) -> StudyQuery:
    """What of a search the ledger has keys for; these find too much, never too little."""
    modality = asked.filters.get("ModalitiesInStudy", "")
    plain = modality.isalnum() and modality.isupper()
    name = asked.prefix("PatientName").rstrip("^=")
    return StudyQuery(
        patient_name=name if name.isascii() else "",  # the key begins with the alphabetic name
        patient_id=asked.prefix("PatientID"),
        accession_number=asked.prefix("AccessionNumber"),
        modality=modality if plain else "",
        limit=_AT_ONCE,
    )


def _listed(found: Iterable[Attributes], asked: Asked, kind: str) -> Response:
    page, more = _page((each for each in found if asked.fit(each)), asked)
    return _answer(page, asked, kind, more=more)


def _page(fitting: Iterable[Attributes], asked: Asked) -> tuple[Sequence[Attributes], bool]:
    """The page that was asked for, and whether more would follow."""
    rest = iter(fitting)
    page = list(islice(rest, asked.offset, asked.offset + asked.limit))
    return page, next(rest, _UNSEEN) is not _UNSEEN


def _answer(page: Sequence[Attributes], asked: Asked, kind: str, *, more: bool) -> Response:
    """200, or 204 for nothing, with the warnings of PS3.18 8.3.4."""
    warnings = []
    if more:
        warnings.append('299 preread "There are additional results that can be requested"')
    if asked.fuzzy:
        text = "The fuzzymatching parameter is not supported. Only literal matching has been performed."
        warnings.append(f'299 preread "{text}"')
    headers = {"Warning": ", ".join(warnings)} if warnings else {}
    if not page:
        return Response(status_code=204, headers=headers)
    body = json.dumps([dicom_json(each) for each in page], ensure_ascii=False)
    return Response(body, media_type=kind, headers=headers)
