"""The form by template: prefilled and marked, previewed, put into the report by a radiologist, and by nobody else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from httpx import Response

from service.adapters.templates.mrrt import read_mrrt
from service.adapters.templates.shelf import OURS, TemplateShelf, read_template
from service.domain.account import Role
from service.domain.edit import Provenance
from service.domain.template import Option
from service.flow.form import forms_of
from service.flow.review import lines_of
from service.ports.templates import MemoryTemplates
from tests.support.fake_house import House
from tests.support.forms import markup, section
from tests.support.web_client import Tags, TestClient, bearer, client, csrf_of, signed_in, text_of
from tests.support.web_records import draft, uid
from tests.support.web_scene import hospital
from tests.unit.service.adapters.templates.test_mrrt import ATTACKS
from tests.unit.service.web.test_hostile_text import PAYLOADS, harmless

PATH = f"/studies/{uid(2)}/template"
TAKE = f"{PATH}/j-2"
FILLED = {
    "name": "chest-radiograph", "field-effusion-left": "Small", "field-cardiomegaly": "Moderately", "act": "preview",
}  # fmt: skip
DONE = {"field-cardiomegaly": "Mild", "field-conclusion": "Small effusion.", "act": "put", "checked": "1"}


@pytest.fixture
def house() -> House:
    made = hospital()
    made.templates = MemoryTemplates(
        *(read_template(file) for file in OURS.glob("*.html")), phrases=TemplateShelf(OURS / "none").phrases("en")
    )
    return made


@pytest.fixture
def radiologist(house: House) -> TestClient:
    return signed_in(house, Role.RADIOLOGIST)


def send(person: TestClient, **fields: str) -> Response:
    shown = person.get(PATH).text
    base = re.search(r'name="base" value="(\w+)"', shown)
    assert base
    form = {"csrf": csrf_of(person.get("/studies")), "base": base.group(1), **FILLED}
    return person.post(TAKE, data=form | fields)


def said(answer: Response) -> str:
    return " ".join(Tags(answer.text).text.split())


def test_the_form_opens_prefilled_from_the_draft_and_says_that_the_ai_did(house: House) -> None:
    shown = signed_in(house).get(PATH).text
    assert re.search(r'data-name="effusion-left" data-wrote="AI"', shown)
    assert re.search(r'data-name="bones-other" data-wrote=""', shown)
    assert '<option value="Small" selected>' in shown
    assert "Chest radiograph" in text_of(house, PATH, Role.VIEWER)


def test_a_viewer_sees_the_form_and_is_told_who_may_fill_it(house: House) -> None:
    assert "sign in with the role radiologist" in text_of(house, PATH, Role.VIEWER)
    assert signed_in(house, Role.VIEWER).post(TAKE, data=FILLED).status_code == 403


def test_a_preview_says_each_answer_and_who_gave_it_and_keeps_nothing(house: House, radiologist: TestClient) -> None:
    answer = send(radiologist, **{"field-cardiomegaly": "Mild", "normal-lungs": "1", "touched": "cardiomegaly\r\n"})
    assert answer.status_code == 200
    text = said(answer)
    assert "The lungs are clear. human" in text
    assert "Small left pleural effusion. AI" in text
    assert "The heart is mildly enlarged. edited" in text or "The heart is mildly enlarged. human" in text
    assert "Impression is required" in text
    assert house.edits.kept == {}


def test_an_answer_of_the_ai_that_was_touched_is_the_person_s(radiologist: TestClient) -> None:
    assert 'data-name="effusion-left" data-wrote="AI"' in send(radiologist).text
    assert 'data-name="effusion-left" data-wrote="edited"' in send(radiologist, touched="effusion-left").text
    assert 'data-name="effusion-left" data-wrote="edited"' in send(radiologist, **{"field-effusion-left": "Large"}).text


def test_what_is_put_into_the_report_goes_through_the_edit_log(house: House, radiologist: TestClient) -> None:
    answer = send(radiologist, **DONE)
    assert answer.status_code == 303, said(answer)
    assert answer.headers["location"] == f"/studies/{uid(2)}/review?job=j-2"
    history = house.edits.kept["j-2"]
    assert history.text == (
        "Findings:\nSmall left pleural effusion.\nThe heart is mildly enlarged.\nConclusions:\nSmall effusion.\n"
    )
    assert [span.provenance for span in history.spans if "pleural" in span.text] == [Provenance.AI]
    assert [event.detail for event in house.audit.events if "template" in (event.detail or "")][-1] == (
        "report of job j-2 filled by template chest-radiograph, edit log memory#1"
    )


def lines_now(house: House) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {line.text: (line.provenance.value, line.findings) for line in lines_of(draft(2), house.edits.kept["j-2"])}


def test_each_sentence_says_who_answered_and_rests_on_the_findings_that_did(
    house: House, radiologist: TestClient
) -> None:
    assert send(radiologist, **DONE, **{"field-nodule": "Present", "field-effusion-left": "Large"}).status_code == 303
    found = lines_now(house)
    assert found["Large left pleural effusion."] == ("edited", ("effusion-left",))
    assert found["Small effusion."] == ("human", ())
    assert found["The heart is mildly enlarged."] == ("edited", ("cardiomegaly",))
    assert house.edits.kept["j-2"].revisions[0].form is not None


def test_the_form_opens_as_it_was_put_into_the_report_or_anew_from_the_draft(
    house: House, radiologist: TestClient
) -> None:
    assert send(radiologist, **DONE, **{"field-effusion-left": "Large", "normal-lungs": "1"}).status_code == 303
    again = radiologist.get(f"{PATH}?name=chest-radiograph").text
    assert '<option value="Large" selected>' in again
    assert re.search(r'data-name="effusion-left" data-wrote="edited"', again)
    assert re.search(r'name="normal-lungs" value="1" checked', again)
    assert "As anna put it into the report" in " ".join(Tags(again).text.split())
    anew = radiologist.get(f"{PATH}?name=chest-radiograph&anew=true").text
    assert '<option value="Small" selected>' in anew
    assert re.search(r'data-name="effusion-left" data-wrote="AI"', anew)


def test_who_has_not_seen_another_s_form_is_told_although_the_text_is_the_same(
    house: House, radiologist: TestClient
) -> None:
    assert send(radiologist, **DONE).status_code == 303
    shown = radiologist.get(f"{PATH}?name=chest-radiograph").text
    assert 'name="seen" value="1"' in shown
    answer = send(radiologist, **DONE, seen="0")
    assert answer.status_code == 409
    assert 'name="seen" value="1"' in answer.text
    assert len(house.edits.kept["j-2"].revisions) == 1
    assert send(radiologist, **DONE, seen="1").status_code == 303
    assert len(forms_of(house.edits.kept["j-2"])) == 1


def test_below_the_report_a_form_says_nothing_twice(house: House, radiologist: TestClient) -> None:
    assert send(radiologist, **DONE, where="below", seen="0").status_code == 303
    more = {"field-effusion-left": "Large", "where": "below", "seen": "1"}
    assert send(radiologist, **DONE, **more).status_code == 303
    text = house.edits.kept["j-2"].text
    assert text.count("The heart is mildly enlarged.") == 1
    assert "Small left pleural effusion." not in text
    assert "162 mm" in text


def test_review_names_the_form_and_says_whether_it_leaves(house: House, radiologist: TestClient) -> None:
    assert send(radiologist, **DONE).status_code == 303
    shown = radiologist.get(f"/studies/{uid(2)}/review").text
    assert 'data-form="1"' in shown
    assert "Form Chest radiograph filled by anna" in " ".join(Tags(shown).text.split())
    assert "[&#34;findings&#34;, &#34;The heart is mildly enlarged.&#34;]" in shown or "mildly enlarged" in shown


def test_the_images_that_answers_were_seen_on_stand_beside_the_form(house: House) -> None:
    shown = signed_in(house).get(PATH).text
    assert re.search(r'<img loading="lazy" src="/dicom-web/studies/[\d.]+/series/[\d.]+/instances/[\d.]+/frames/1/ren',
                     shown)  # fmt: skip
    house.ledger.known.clear()
    assert "/rendered" not in signed_in(house).get(PATH).text


@pytest.mark.parametrize(
    ("opened", "seconds"),
    [
        ("2026-03-04T09:29:30+00:00", 30.0), ("2026-03-04T09:29:30", 0.0), ("2027-01-01T00:00:00+00:00", 0.0),
        ("2001-01-01T00:00:00+00:00", 0.0), ("soon", 0.0), ("", 0.0),
    ],
)  # fmt: skip
def test_the_log_says_how_long_the_form_was_open(
    house: House, radiologist: TestClient, opened: str, seconds: float
) -> None:
    assert send(radiologist, **DONE, opened=opened).status_code == 303
    assert house.edits.kept["j-2"].revisions[0].seconds == seconds


def test_below_the_report_nothing_of_it_is_lost(house: House, radiologist: TestClient) -> None:
    before = [line for line in text_of(house, f"/studies/{uid(2)}/review", Role.VIEWER).split(".") if "162 mm" in line]
    assert before
    assert send(radiologist, **DONE, where="below").status_code == 303
    text = house.edits.kept["j-2"].text
    assert "162 mm" in text
    assert "The heart is mildly enlarged." in text


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"act": "put", "checked": "1"}, "Impression is required"),
        ({**DONE, "checked": ""}, "some answers are the AI's and were not touched"),
        ({**DONE, "field-nodule-size": "900"}, "Diameter of the largest nodule: 900 is above 200"),
        ({**DONE, "field-nodule-size": "big"}, "“big” is no number; write it like 12.5"),
        ({**DONE, "field-nodule": "Huge"}, "“Huge” is not among the options"),
    ],
)
def test_what_is_not_ready_stays_on_the_page_and_says_why(
    house: House, radiologist: TestClient, fields: dict[str, str], wrong: str
) -> None:
    answer = send(radiologist, **fields)
    assert answer.status_code == 422
    assert f"Not put into the report: {wrong}" in said(answer) or wrong in said(answer)
    assert house.edits.kept == {}


def test_the_second_of_two_is_told_and_keeps_the_form(house: House, radiologist: TestClient) -> None:
    answer = send(radiologist, **DONE, base="0" * 64)
    assert answer.status_code == 409
    assert "Somebody else has saved this report" in said(answer)
    assert "Small effusion." in answer.text
    assert house.edits.kept == {}


def test_a_preview_does_not_hide_that_somebody_saved_meanwhile(house: House, radiologist: TestClient) -> None:
    previewed = send(radiologist, base="0" * 64)
    assert f'name="base" value="{"0" * 64}"' in previewed.text
    assert send(radiologist, **DONE).status_code == 303
    assert send(radiologist, **DONE, base="0" * 64).status_code == 409
    assert len(house.edits.kept["j-2"].revisions) == 1


def test_a_program_cannot_fill_a_report(house: House) -> None:
    assert client(house).post(TAKE, data=FILLED | DONE, headers=bearer(house, *Role)).status_code == 403
    assert house.edits.kept == {}


def test_what_is_not_there_is_said(house: House, radiologist: TestClient) -> None:
    for path in (f"{PATH}?name=none", f"{PATH}?job=j-99", f"/studies/{uid(6)}/template", "/studies/1.2.3/template"):
        assert radiologist.get(path).status_code == 404
    assert send(radiologist, name="none").status_code == 404


def test_a_form_of_many_fields_is_taken_whole(house: House, radiologist: TestClient) -> None:
    body = "".join(f'<input id="a{number}">' for number in range(250))
    house.templates = MemoryTemplates(read_mrrt("long.html", markup(section(body))))
    browser = signed_in(house, Role.RADIOLOGIST)
    answer = send(browser, name="long", **{f"field-a{number}": f"word {number}" for number in range(250)})
    assert "A249: word 249." in said(answer)


@pytest.mark.parametrize("payload", [*ATTACKS, *PAYLOADS])
def test_nothing_of_a_template_or_of_an_answer_is_carried_out(house: House, payload: str) -> None:
    """As if the reader had let it pass: in every word of a template, and typed into every field."""
    template = read_template(OURS / "chest-radiograph.html")
    poisoned = replace(
        template, title=payload, description=payload, sections=tuple(
            replace(one, label=payload, fields=tuple(
                replace(field, label=payload, options=tuple(
                    Option(text=payload, code=option.code) for option in field.options[:1]))
                for field in one.fields))
            for one in template.sections),
    )  # fmt: skip
    house.templates = MemoryTemplates(poisoned)
    browser = signed_in(house, Role.RADIOLOGIST)
    harmless(browser.get(PATH).text, "form")
    typed = {f"field-{field.name}": payload for field in template.fields}
    answer = send(browser, **typed, **{"normal-lungs": payload, "touched": payload})
    assert answer.status_code == 200
    harmless(answer.text, "preview")
    assert payload.split("\r")[0].split("=")[0].strip() in Tags(answer.text).text
    unread = {f"field-{field.name}": "" for field in template.fields if field.kind != "text"}
    put = send(browser, **typed | unread, act="put")
    harmless(browser.get(f"/studies/{uid(2)}/review").text, "review")
    assert put.status_code == 303, said(put)
