"""Codes are written as the standard writes them, letter by letter: some viewers read the meaning."""

import pytest
from pydicom.sr._concepts_dict import concepts as dictionary

from dicom_nodes.objects import concepts
from service.domain.code import Code

KNOWN = {
    (scheme, value, meaning)
    for scheme, by_keyword in dictionary.items()
    for by_value in by_keyword.values()
    for value, (meaning, _) in by_value.items()
}
ALL = {name: value for name, value in vars(concepts).items() if isinstance(value, Code)}


@pytest.mark.parametrize("name", ALL)
def test_a_concept_has_the_meaning_that_the_standard_gives_it(name: str) -> None:
    code = ALL[name]
    assert (code.scheme, code.value, code.meaning) in KNOWN


@pytest.mark.parametrize("modality", concepts.MODALITIES)
def test_a_modality_is_coded_by_its_own_name(modality: str) -> None:
    code = concepts.MODALITIES[modality]
    assert code.value == modality
    assert (code.scheme, code.value, code.meaning) in KNOWN
