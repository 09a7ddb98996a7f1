"""However a page of studies is made, of an index of texts or of a walk that ends early, it is the same page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import insert, select

from service.adapters.ledger import schema, studies
from service.adapters.ledger.rows import identity_text
from service.domain.study import Identity, Patient
from service.ports.catalogue import StudyQuery
from tests.contract.ledger.scene import NOON, Scene

SAME_TIME = 3
"""Studies that were received in the same microsecond: their UIDs tell them apart."""


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """90 studies of three names, years and two modalities: the oldest have numbers and a modality of their own."""
    facts = studies_facts()
    with scene.ledger.database.write() as connection:
        for number in range(90):
            at = NOON.replace(minute=number // SAME_TIME)
            name, year = "abc"[number % 3], 21 + number // 30
            row = {
                "site": "main", "uid": f"1.2.{number}", "source": "XR", "identity_version": 1, "identity_digest": "d",
                "name_key": f"{name}{number % 7}", "patient_key": f"p{number}", "accession_key": f"a{year}-{number}",
                "modalities": "CT", "received_first": at, "received_last": at,
                "state": "done" if number % 2 else "attention",
            }  # fmt: skip
            made = connection.execute(insert(schema.study).values(**row)).inserted_primary_key
            assert made
            identity = {"site": "main", "study_id": made[0], "version": 1, "digest": "d", "source": "XR", "at": at}
            connection.execute(insert(schema.identity).values(facts=facts, **identity))
            modality = "CR" if number < 30 else "CT"
            series = {"site": "main", "study_id": made[0], "uid": f"1.2.{number}.1", "modality": modality}
            connection.execute(insert(schema.series).values(**series))
    return scene


def studies_facts() -> str:
    return identity_text(Identity(patient=Patient(patient_id="p", issuer="H", name="A", birth_date="", sex="")))


def pages(scene: Scene, query: StudyQuery) -> Iterator[list[str]]:
    """Every page, by the place where each ends."""
    while found := scene.ledger.studies(query):
        yield [str(each.study_instance_uid) for each in found]
        query = replace(query, before=(found[-1].received_last, str(found[-1].study_instance_uid)))


@pytest.mark.parametrize(("few", "walked"), [(2, 0), (25, 10)])
def test_every_page_is_the_same_however_it_is_made(
    filled: Scene, monkeypatch: pytest.MonkeyPatch, few: int, walked: int
) -> None:
    with filled.ledger.database.read() as connection:
        rows = connection.execute(
            select(schema.study, schema.series.c.modality)
            .join(schema.series, schema.series.c.study_id == schema.study.c.id)
            .order_by(schema.study.c.received_last.desc(), schema.study.c.uid.desc())
        ).all()
    monkeypatch.setattr(studies, "_FEW", few)  # bounds of what is looked at; thousands of rows would take a minute
    monkeypatch.setattr(studies, "_WALKED", walked)
    until = NOON.replace(minute=9)
    asked = product(("", "a"), ("A21", "a21-1"), ("", "CR"), ("", "done"))
    for name, accession, modality, state in asked:
        query = StudyQuery(
            patient_name=name,
            accession_number=accession,
            modality=modality,
            state=state,
            received_until=until,
            limit=14,
        )
        wanted = [
            row.uid
            for row in rows
            if row.name_key.startswith(name.casefold())
            and row.accession_key.startswith(accession.casefold())
            and modality in {"", row.modality}
            and state in {"", row.state}
            and row.received_last <= until
        ]
        assert list(pages(filled, query)) == [wanted[at : at + 14] for at in range(0, len(wanted), 14)], query
