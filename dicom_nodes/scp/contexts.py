"""Presentation contexts that the Storage SCP accepts (PS3.4 B, PS3.8 9.3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID
from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, register_uid
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from service.domain.sop import LABEL_MAP_SEGMENTATION_STORAGE

_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
TRANSFER_SYNTAXES = tuple(UID(uid) for uid in ALL_TRANSFER_SYNTAXES)


@cache
def supported_classes() -> frozenset[UID]:
    """Verification, every current storage class, one that is younger than the library, and the retired ones that old
    archives still send."""
    current = [context.abstract_syntax for context in AllStoragePresentationContexts if context.abstract_syntax]
    register_uid(LABEL_MAP_SEGMENTATION_STORAGE, "LabelMapSegmentationStorage", StorageServiceClass)
    return frozenset((Verification, *current, LABEL_MAP_SEGMENTATION_STORAGE, *_register_retired()))


def is_storage(sop_class_uid: str) -> bool:
    """Whether objects of this class are stored here: all that we support but Verification, which has none."""
    return sop_class_uid != Verification and sop_class_uid in supported_classes()


def fitting_contexts(requested: Iterable[PresentationContext]) -> list[PresentationContext]:
    """What we support of a request, each class once, with its transfer syntaxes in the sender's order.

    pynetdicom takes the acceptor's first transfer syntax. A sender that offers several in one context names
    first what it has (DCMTK's storescu -xs cannot convert to the others it names).
    """
    fitting: dict[UID, list[UID]] = {}
    for context in requested:
        if context.abstract_syntax in supported_classes():
            fitting.setdefault(context.abstract_syntax, []).extend(context.transfer_syntax)
    return [
        build_context(uid, [syntax for syntax in dict.fromkeys(offered) if syntax in TRANSFER_SYNTAXES] or [_NONE])
        for uid, offered in fitting.items()
    ]


_NONE = UID("2.25.0")
"""Stands for no transfer syntax in common: pynetdicom then answers "transfer syntaxes not supported"."""


def _register_retired() -> list[UID]:
    """Tell pynetdicom that retired storage classes are storage, too, and return them."""
    retired = [
        (UID(uid), keyword)
        for uid, (name, _, _, state, keyword) in UID_dictionary.items()
        if uid.startswith(_STORAGE_ROOT) and "Storage" in name and state == "Retired"
    ]
    for uid, keyword in retired:
        register_uid(uid, keyword, StorageServiceClass)
    return [uid for uid, _ in retired]
