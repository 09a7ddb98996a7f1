"""Latin-1 for peers that read no UTF-8: every character is written as something, none as a question mark."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_nodes.objects import Encoder, encoders
from dicom_nodes.objects.latin import NotLatin, in_latin
from dicom_nodes.objects.structure import complaints
from service.domain.profile import CharacterSet
from service.domain.study import Patient
from tests.support.reports import AN_IDENTITY, a_context, a_report


def named(name: str, encoder: Encoder) -> Dataset:
    identity = replace(AN_IDENTITY, patient=Patient(patient_id="1", name=name))
    part10 = encoder.encode(a_report(), a_context(identity=identity, character_set=CharacterSet.LATIN_1))
    assert complaints(part10) == ()
    return dcmread(BytesIO(part10))


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Müller, 3 µm", "Müller, 3 µm"),
        ("a – b … “c” ≥ 3 €", 'a - b ... "c" >= 3 EUR'),
        ("Łukasz Dvořák", "Lukasz Dvorák"),
        ("Şükrü Çelik ığ", "Sükrü Çelik ig"),
        ("Бунинк Иван", "Bunink Ivan"),
        ("Διονύσιος", "Dionysios"),
        ("ﬁ ①", "fi 1"),
    ],
)
def test_what_latin_1_lacks_is_written_with_what_it_has(text: str, latin: str) -> None:
    assert in_latin(text) == latin


def test_what_nothing_stands_for_is_refused_by_name() -> None:
    with pytest.raises(NotLatin, match=r"'王' \(U\+738B\)"):
        in_latin("王")


@pytest.mark.parametrize("encoder", encoders().values(), ids=encoders())
def test_every_object_can_be_written_in_latin_1(encoder: Encoder) -> None:
    dataset = named("Müller^Jürgen", encoder)
    assert dataset.SpecificCharacterSet == "ISO_IR 100"
    assert str(dataset.PatientName) == "Müller^Jürgen"


@pytest.mark.parametrize("encoder", encoders().values(), ids=encoders())
def test_a_name_in_several_scripts_keeps_the_one_that_can_be_written(encoder: Encoder) -> None:
    assert str(named("Yamada^Tarou=山田^太郎=やまだ^たろう", encoder).PatientName) == "Yamada^Tarou"


@pytest.mark.parametrize("encoder", encoders().values(), ids=encoders())
def test_a_name_that_latin_1_cannot_hold_stays_whole_in_utf_8(encoder: Encoder) -> None:
    dataset = named("王^小东", encoder)
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert str(dataset.PatientName) == "王^小东"
