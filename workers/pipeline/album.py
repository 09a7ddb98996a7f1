"""Album: the pictures that an object asks to show, each decoded once for all objects of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import structlog

from dicom_nodes.objects.context import PictureKey, picture_key
from service.domain.errors import Unreadable, Unsupported
from service.domain.report import Evidence
from service.domain.study import StoredInstance
from service.ports.pixels import Frame, Pixels

log = structlog.get_logger("preread.album")


class Album:
    """Pictures of one manifest; what cannot be decoded is left out, and the object says so."""

    def __init__(self, instances: Sequence[StoredInstance], pixels: Pixels) -> None:
        self._stored = {stored.instance.sop_instance_uid: stored for stored in instances}
        self._pixels = pixels
        self._seen: dict[PictureKey, Frame | None] = {}

    def of(self, images: Iterable[Evidence]) -> Mapping[PictureKey, Frame]:
        """The frames of `images` that can be shown. Raises Unavailable where the spool is away."""
        found = {picture_key(image): self._frame(image) for image in images}
        return {key: frame for key, frame in found.items() if frame is not None}

    def _frame(self, image: Evidence) -> Frame | None:
        key = picture_key(image)
        if key not in self._seen:
            self._seen[key] = self._read(image)
        return self._seen[key]

    def _read(self, image: Evidence) -> Frame | None:
        stored = self._stored.get(image.sop_instance_uid)
        if stored is None:
            return None
        try:
            return self._pixels.read(stored, image.frame or 1)
        except (Unreadable, Unsupported) as error:
            log.warning("picture not shown", image=image.sop_instance_uid, why=str(error))
            return None
