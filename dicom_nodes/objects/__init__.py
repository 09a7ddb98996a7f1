"""Objects that a report becomes, one file each, found by name; a site adds its own by entry points.

An encoder is a module (or anything else) with the four names of Encoder; one that shows pictures also has `shows`, one
that needs label maps `masks_of`. A new one is one new file here, or one line in the group `preread.objects` of another
package's metadata.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import Any, Protocol, cast

from pydicom.uid import UID

from dicom_nodes.objects.context import EncodingContext
from service.domain.errors import Misconfigured
from service.domain.report import Evidence, Report

ENTRY_POINTS = "preread.objects"
_NAMES = ("ROLE", "SOP_CLASS_UID", "applies", "encode")


class Encoder(Protocol):
    """What a plug-in offers."""

    @property
    def ROLE(self) -> str:
        """Its name in rules, such as "basic-text-sr"."""
        ...

    @property
    def SOP_CLASS_UID(self) -> UID: ...

    def applies(self, report: Report) -> bool:
        """Whether `report` has anything to say in this form."""
        ...

    def encode(self, report: Report, context: EncodingContext) -> bytes:
        """Part 10 bytes; equal report and context, equal bytes. Raises ValueError for a report it cannot say."""
        ...


def shown_by(encoder: Encoder, report: Report) -> Sequence[Evidence]:
    """The images whose pixels `encoder` asks for; none for the many that write text alone.

    They come in `EncodingContext.pictures`, so that encoding reads nothing and repeats itself to the byte.
    """
    shows = getattr(encoder, "shows", None)
    return shows(report) if shows else ()


def masks_for(encoder: Encoder, report: Report) -> Sequence[str]:
    """The label maps that `encoder` asks for, by digest; they come in `EncodingContext.masks`."""
    wanted = getattr(encoder, "masks_of", None)
    return wanted(report) if wanted else ()


def encoders() -> dict[str, Encoder]:
    """Every encoder by its role. Raises Misconfigured for one that lacks a name or takes another's role."""
    found: dict[str, Encoder] = {}
    for source, plugin in [*_own(), *_foreign()]:
        missing = [name for name in _NAMES if not hasattr(plugin, name)]
        if missing:
            raise Misconfigured(f"output object {source} lacks {', '.join(missing)}")
        if plugin.ROLE in found:
            raise Misconfigured(f"output object {source} takes the role {plugin.ROLE!r}, which is taken")
        found[plugin.ROLE] = cast(Encoder, plugin)
    return found


def _own() -> Iterator[tuple[str, Any]]:
    for module in pkgutil.iter_modules(__path__):
        plugin = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(plugin, "ROLE"):
            yield module.name, plugin


def _foreign() -> Iterator[tuple[str, Any]]:
    for entry in entry_points(group=ENTRY_POINTS):
        yield entry.value, entry.load()
