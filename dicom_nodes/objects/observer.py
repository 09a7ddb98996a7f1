"""Who observed: the algorithm as device observer, as contributing equipment and as maker of a finding.

IHE AI Results asks that the three agree: manufacturer, model, version and Device UID are written from one place.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_nodes.objects import concepts
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.items import HAS_CONCEPT_MOD, HAS_OBS_CONTEXT, code, coded, text, uid_reference
from dicom_nodes.objects.text import long_string
from service.domain.algorithm import Algorithm

MAKER = "preread"
"""Manufacturer and model of what writes the documents."""


def observer_context(algorithms: tuple[Algorithm, ...], context: EncodingContext) -> list[Dataset]:
    """TID 1001 with one TID 1002 and TID 1004: the algorithm, or this installation where not exactly one made it.

    TID 1001 allows several observers, but validators then count TID 1004's items twice; each group of TID 1501
    and Contributing Equipment name every algorithm anyway.
    """
    if len(algorithms) == 1:
        only = algorithms[0]
        return _device(only.device_uid, only.manufacturer, only.name, only.version, only.files)
    uid, serial = context.installation_uid, context.device_serial_number
    return _device(uid, MAKER, MAKER, context.software_version, serial)


def _device(uid: UID, manufacturer: str, model: str, version: str, serial: str) -> list[Dataset]:
    """TID 1002 and TID 1004; an algorithm's serial number is its digest, with that of its adapter."""
    return [
        code(HAS_OBS_CONTEXT, concepts.OBSERVER_TYPE, concepts.DEVICE),
        uid_reference(HAS_OBS_CONTEXT, concepts.DEVICE_OBSERVER_UID, uid),
        text(HAS_OBS_CONTEXT, concepts.DEVICE_OBSERVER_NAME, f"{model} {version}"),
        text(HAS_OBS_CONTEXT, concepts.DEVICE_OBSERVER_MANUFACTURER, long_string(manufacturer)),
        text(HAS_OBS_CONTEXT, concepts.DEVICE_OBSERVER_MODEL, long_string(model)),
        text(HAS_OBS_CONTEXT, concepts.DEVICE_OBSERVER_SERIAL, serial),
    ]


def algorithm_identification(algorithm: Algorithm) -> list[Dataset]:
    """TID 4019: name, version, digest as parameter, family (CID 7162)."""
    return [
        text(HAS_CONCEPT_MOD, concepts.ALGORITHM_NAME, long_string(algorithm.name)),
        text(HAS_CONCEPT_MOD, concepts.ALGORITHM_VERSION, long_string(algorithm.version)),
        text(HAS_CONCEPT_MOD, concepts.ALGORITHM_PARAMETERS, algorithm.files),
        code(HAS_CONCEPT_MOD, concepts.ALGORITHM_FAMILY, concepts.ARTIFICIAL_INTELLIGENCE),
    ]


def contributing_equipment(algorithms: tuple[Algorithm, ...]) -> list[Dataset]:
    """Items of Contributing Equipment Sequence (0018,A001), one for each algorithm (PS3.3 C.12.1)."""
    return [_equipment(algorithm) for algorithm in algorithms]


def _equipment(algorithm: Algorithm) -> Dataset:
    item = Dataset()
    item.Manufacturer = long_string(algorithm.manufacturer)
    item.ManufacturerModelName = long_string(algorithm.name)
    item.DeviceUID = algorithm.device_uid
    item.SoftwareVersions = long_string(algorithm.version)
    item.ContributionDescription = algorithm.files
    item.PurposeOfReferenceCodeSequence = [coded(concepts.PROCESSING_EQUIPMENT)]
    return item
