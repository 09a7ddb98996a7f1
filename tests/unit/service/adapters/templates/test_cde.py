"""Sets of common data elements become the same form as a template; both ages of the schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.adapters.templates.cde import read_cde
from service.domain.code import Code
from service.domain.errors import Misconfigured
from service.domain.template import Completion, FieldKind

VALUES = [
    {"code": "RDE1.0", "value": "absent", "name": "absent",
     "index_codes": [{"system": "RADLEX", "code": "RID28473", "display": "absent"}]},
    {"code": "RDE1.1", "value": "present", "name": "present", "index_codes": None},
]  # fmt: skip
SET: dict[str, Any] = {
    "id": "RDES1", "name": "Test set", "description": "A <b>set</b>", "elements": [
        {"id": "RDE1", "name": "Presence", "value_set": {"min_cardinality": 1, "max_cardinality": 1, "values": VALUES}},
        {"id": "RDE2", "name": "Size", "float_value": {"min": 0, "max": 50, "step": 0.1, "unit": "mm"}},
        {"id": "RDE3", "name": "Count", "integer_values": {"value_min_max": {"value_min": 1, "value_max": 9}}},
        {"id": "RDE4", "name": "Features", "value_set": {
            "cardinality": {"min_cardinality": 0, "max_cardinality": 2}, "values": VALUES}},
        {"id": "RDE5", "name": "Urgent", "boolean_value": {}},
        {"id": "RDE6", "name": "Remark"},
    ],
}  # fmt: skip


def test_a_set_is_read_with_codes_units_and_cardinality() -> None:
    found = read_cde("set.json", json.dumps({"data": SET}))
    presence, size, count, features, urgent, remark = found.fields
    assert (found.name, found.title, found.identifier) == ("set", "Test set", "RDES1")
    assert (presence.kind, presence.completion) == (FieldKind.CHOICE, Completion.PROHIBIT)
    assert [option.code for option in presence.options] == [
        Code("RID28473", "RADLEX", "absent"), Code("RDE1.1", "RADELEMENT", "present"),
    ]  # fmt: skip
    assert (size.low, size.high, size.unit) == (0, 50, Code("mm", "UCUM", "mm"))
    assert (count.low, count.high) == (1, 9)
    assert (features.kind, urgent.kind, remark.kind) == (FieldKind.CHOICES, FieldKind.CHOICE, FieldKind.TEXT)


def test_a_set_is_read_without_the_envelope_of_the_api() -> None:
    assert read_cde("set.json", json.dumps(SET)) == read_cde("set.json", json.dumps({"data": SET}))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{\n"id": 1,,}', "set.json:2: no JSON"),
        ("[]", "set.json:1: the file"),
        ("{}", "set.json:1: id: Field required"),
        ("[" * 100_000, "set.json:1"),
        (json.dumps(SET | {"elements": []}), "there is no field to fill"),
        (json.dumps(SET | {"elements": [SET["elements"][5]] * 2}), "“RDE6” stands for two things"),
        (json.dumps(SET | {"elements": [{"id": "RDE9", "name": "x", "value_set": {"values": []}}]}), "has options"),
        (" " * 600_000, "larger than 512 KiB"),
    ],
)
def test_what_is_no_set_is_said(text: str, wrong: str) -> None:
    with pytest.raises(Misconfigured) as told:
        read_cde("set.json", text)
    assert wrong in str(told.value)
