"""Resources: which stored instances an address means, and the record of who asked for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import cast

from fastapi import HTTPException, Request
from pydicom.uid import UID

from service.domain.audit import AuditKind
from service.domain.errors import Unreadable
from service.domain.study import Instance, StoredInstance, Study
from service.domain.uids import is_uid
from service.flow.earlier import kept_steps
from service.web.door import visitor_of
from service.web.services import services_of
from service.web.trail import address, audit

ROOT = "/dicom-web"
PRIOR_OF = "of_job"
"""A parameter of the addresses below `prior_root` alone."""
_LONGEST_UID = 64


class Views:
    """Who was recorded as looking at which study lately: a stack of 500 frames is one look, not 500."""

    def __init__(self, *, window: timedelta = timedelta(minutes=10), most: int = 10_000) -> None:
        self._window, self._most = window, most
        self._seen: OrderedDict[tuple[str, ...], datetime] = OrderedDict()
        self._lock = Lock()

    def recorded(self, key: tuple[str, ...], now: datetime) -> bool:
        with self._lock:
            return key in self._seen and now - self._seen[key] < self._window

    def remember(self, key: tuple[str, ...], now: datetime) -> None:
        with self._lock:
            self._seen[key] = now
            self._seen.move_to_end(key)
            while len(self._seen) > self._most:
                self._seen.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Where:
    """The addresses of a study and of what is in it."""

    root: str

    @classmethod
    def of(cls, request: Request) -> Where:
        asked = request.path_params
        root = prior_root(asked["of_study"], asked["of_job"]) if PRIOR_OF in asked else ROOT
        return cls(f"{str(request.base_url).rstrip('/')}{root}")

    def study(self, study_uid: str) -> str:
        return f"{self.root}/studies/{study_uid}"

    def series(self, study_uid: str, series_uid: str) -> str:
        return f"{self.study(study_uid)}/series/{series_uid}"

    def instance(self, instance: Instance) -> str:
        series = self.series(instance.study_instance_uid, instance.series_instance_uid)
        return f"{series}/instances/{instance.sop_instance_uid}"


def the_study(request: Request, study_uid: str) -> Study:
    """Raises 404."""
    known = len(study_uid) <= _LONGEST_UID
    study = services_of(request).ledger.study(UID(study_uid, validation_mode=0)) if known else None
    if study is None:
        raise HTTPException(404, "No study with this UID has arrived here.")
    return study


def prior_root(study_uid: str, job_id: str) -> str:
    """Where the images are that one reading brought of an earlier study, which itself has not arrived here."""
    return f"/studies/{study_uid}/review/{job_id}/prior"


def _brought(request: Request, study_uid: str) -> Sequence[StoredInstance]:
    """The images of an earlier study that a reading was compared with. Raises 404, 410."""
    services, asked = services_of(request), request.path_params
    of, job_id = asked["of_study"], asked["of_job"]
    record = services.catalogue.record(UID(of)) if is_uid(of) else None
    try:
        found = services.exhibits.compared(kept_steps(record, job_id)) if record else None
    except Unreadable as error:
        raise HTTPException(410, f"The earlier study cannot be shown: {error}.") from error
    if found is None or found.study_instance_uid != study_uid:
        raise HTTPException(404, "This reading was not compared with a study that has this UID.")
    return found.images


def _by_series(request: Request, study_uid: str) -> Mapping[UID, Sequence[StoredInstance]]:
    if PRIOR_OF not in request.path_params:
        return the_study(request, study_uid).series()
    found: dict[UID, list[StoredInstance]] = {}
    for stored in _brought(request, study_uid):
        found.setdefault(stored.instance.series_instance_uid, []).append(stored)
    return found


def the_instances(request: Request, study_uid: str, series_uid: str = "") -> Sequence[StoredInstance]:
    """Of a study or one series of it, in the order of a stack. Raises 404."""
    series = _by_series(request, study_uid)
    if not series_uid:
        return [stored for members in series.values() for stored in members]
    found = next((members for uid, members in series.items() if uid == series_uid), None)
    if found is None:
        raise HTTPException(404, "This study has no series with this UID.")
    return found


def the_instance(request: Request, study_uid: str, series_uid: str, instance_uid: str) -> StoredInstance:
    """Raises 404."""
    if PRIOR_OF in request.path_params:
        brought = the_instances(request, study_uid, series_uid)
        named = next((each for each in brought if each.instance.sop_instance_uid == instance_uid), None)
        if named is None:
            raise HTTPException(404, "This series has no instance with this UID.")
        return named
    known = len(instance_uid) <= _LONGEST_UID
    stored = services_of(request).ledger.find_instance(UID(instance_uid, validation_mode=0)) if known else None
    wanted = (study_uid, series_uid)
    if stored is None or (stored.instance.study_instance_uid, stored.instance.series_instance_uid) != wanted:
        raise HTTPException(404, "This series has no instance with this UID.")
    return stored


def looked(request: Request, study_uid: str) -> None:
    """Record that images of a study were looked at; once in a while per person, address and study."""
    _recorded(request, AuditKind.INSTANCES_ACCESSED, study_uid, "images, DICOMweb")


def taken(request: Request, study_uid: str) -> None:
    """Record that objects of a study were handed out."""
    _recorded(request, AuditKind.INSTANCES_TRANSFERRED, study_uid, "objects, DICOMweb")


def _recorded(request: Request, kind: AuditKind, study_uid: str, detail: str) -> None:
    who, now = visitor_of(request).account.name, services_of(request).clock.now()
    views, key = cast(Views, request.app.state.views), (who, address(request), str(kind), study_uid)
    if not views.recorded(key, now):
        audit(request, kind, "R", who=who, study_instance_uid=study_uid, detail=detail)
        views.remember(key, now)
