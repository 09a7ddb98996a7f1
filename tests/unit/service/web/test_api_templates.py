"""Templates over the JSON API."""

from __future__ import annotations

from service.domain.account import Role
from tests.support.web_client import bearer, client
from tests.support.web_scene import hospital


def test_templates_are_told_with_fields_codes_and_the_schema_of_an_answer() -> None:
    house = hospital()
    house.templates.wrong = ["x.html:3: <script> is refused"]
    program, headers = client(house), bearer(house, Role.VIEWER)
    every = program.get("/api/templates", headers=headers).json()
    assert [each["name"] for each in every["templates"]] == ["every-kind"]
    assert every["broken"] == ["x.html:3: <script> is refused"]
    found = program.get("/api/templates/every-kind", headers=headers).json()
    size = found["sections"][0]["fields"][1]
    assert (size["kind"], size["minimum"], size["maximum"], size["unit"]["value"]) == ("number", 0, 500, "mm")
    assert size["codes"] == [{"value": "81827009", "scheme": "SCT", "meaning": "Diameter"}]
    assert found["answer_schema"]["required"] == ["words", "size", "one", "some", "day"]


def test_a_template_that_is_not_there_is_said() -> None:
    house = hospital()
    answer = client(house).get("/api/templates/none", headers=bearer(house, Role.VIEWER))
    assert answer.status_code == 404
    assert "GET /api/templates" in answer.json()["detail"]
