"""German: nothing lacks it, nothing breaks in it, nothing else stands on its pages."""

from __future__ import annotations

import copy
import json
import random
import re
import string
from html import unescape
from pathlib import Path

import pytest

from service.domain.account import Role
from service.domain.quality.inspect import inspect
from service.domain.report import Section
from service.domain.said import say, say_and, say_join, say_many, say_or
from service.web import words
from service.web.languages.catalogue import catalogue, read_po
from service.web.languages.kept import kept
from service.web.languages.language import Language
from service.web.languages.terms import term
from tests.bench.quality import case_of, clean_reports
from tests.bench.quality_errors import ERRORS
from tests.support import messages
from tests.support.fake_house import NOW
from tests.support.web_client import PAGE, bearer, client, csrf_of, signed_in
from tests.support.web_records import uid
from tests.support.web_scene import hospital

CATALOGUES = messages.catalogues()
TEMPLATES = sorted((messages.ROOT / "service/web/templates").glob("*.html"))
GERMAN = catalogue(Language.DE)
PATHS = [
    "/worklist", "/operations", "/studies", "/studies?state=attention",
    *(f"/studies/{uid(number)}" for number in range(1, 9)),
    f"/studies/{uid(2)}/review", f"/studies/{uid(2)}/template", "/jobs", "/deliveries", "/configuration", "/models",
    "/audit", "/sign-in", "/nowhere", "/studies/1.2.3", "/jobs?state=x",
]  # fmt: skip
SAME = {"Audit", "Name", "Patient", "Broker", "Echo", "Manifest", "Version", "Status", "live", "Study Instance UID"}
"""Words that both languages write alike."""


def test_every_message_is_in_each_catalogue_and_translated() -> None:
    marked = messages.extracted()
    for path in CATALOGUES:
        assert path.read_bytes() == messages.updated(path, marked), "run ./run.sh messages"
        assert messages.missing(path) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.name)
def test_a_translation_fills_in_what_its_message_does(path: Path) -> None:
    for one in messages.read(path):
        ids = one.id if isinstance(one.id, tuple) else (one.id,)
        said = one.string if isinstance(one.string, tuple) else (one.string,)
        for text in said if one.id else ():
            assert _holes(text) == _holes(ids[-1]), text
            assert _tags(text) == _tags(ids[-1]), text


def _holes(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _tags(text: str) -> list[str]:
    return sorted(re.findall(r"</?\w+", text))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_text_that_is_not_marked(path: Path) -> None:
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r'\baria-(describedby|invalid)="[^"]*"', "", text)
    text = re.sub(r"<(kbd|code)\b[^>]*>[^<]*</\1>", "", text)
    seen = re.findall(r'\b(?:aria-label|placeholder|title|alt)="([^"]*)"', text)
    seen += re.sub(r"<[^>]*>", "\n", text, flags=re.DOTALL).splitlines()
    bare = {each.strip() for each in seen if re.search(r"[A-Za-z]{2}", each.replace("preread", ""))}
    assert not bare


def test_the_reader_of_catalogues_reads_what_babel_reads() -> None:
    for path in CATALOGUES:
        mine = {(each.msgctxt, each.msgid): list(each.msgstr.values()) for each in read_po(path.read_text("utf-8"))}
        theirs = {
            (one.context or "", one.id[0] if isinstance(one.id, tuple) else one.id):
                list(one.string) if isinstance(one.string, tuple) else [one.string]
            for one in messages.read(path) if one.id
        }  # fmt: skip
        del mine["", ""]
        assert mine == theirs


@pytest.mark.parametrize("language", list(Language))
def test_every_page_is_in_its_language(language: Language) -> None:
    inside, outside = signed_in(hospital()), client(hospital())
    wrong = {}
    for path in PATHS:
        visitor = outside if path == "/sign-in" else inside
        answer = visitor.get(path, headers={**PAGE, "accept-language": language.value})
        assert f'<html lang="{language.value}">' in answer.text, path
        assert answer.headers["content-language"] == language.value
        if language is Language.DE and _english(answer.text):
            wrong[path] = _english(answer.text)
    assert wrong == {}


def _english(page: str) -> set[str]:
    """Messages that stand on a page in English, as a whole text or as a long part of one."""
    bodies = re.sub(r"<(script|style|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    bodies = re.sub(r'<(\w+)[^>]*\blang="en"[^>]*>.*?</\1>', "", bodies, flags=re.DOTALL)
    seen = {" ".join(unescape(each).split()) for each in re.sub(r"<[^>]*>", "\n", bodies).splitlines()}
    seen |= {unescape(each) for each in re.findall(r'\b(?:aria-label|placeholder|title|alt)="([^"]*)"', bodies)}
    changed = {each.msgid for each in GERMAN.messages if each.msgstr[0] != each.msgid} - SAME
    whole = seen & changed
    parts = {each for each in changed if len(each.split()) > 3 and "{" not in each and any(each in s for s in seen)}
    return whole | parts


def test_what_a_report_says_keeps_its_own_language() -> None:
    browser = signed_in(hospital())
    browser.headers["accept-language"] = "de"
    text = browser.get(f"/studies/{uid(2)}/review").text
    assert '<p class="say" lang="en">Small left pleural effusion.</p>' in text
    assert 'data-section="findings"' in text


def test_a_refusal_tells_a_page_in_german_and_a_program_in_english() -> None:
    browser = signed_in(hospital())
    headers = {"accept": "application/json", "accept-language": "de"}
    told = browser.get("/studies/1.2.3", headers=headers).json()
    assert told["detail"] == "No study with this UID has arrived here."
    assert told["said"] == "Eine Untersuchung mit dieser UID ist hier nicht eingetroffen."
    assert "said" not in client(hospital()).get("/studies/1.2.3", headers=headers).json()


def test_numbers_and_days_are_written_as_in_german() -> None:
    assert GERMAN.say(words.size(14_200)) == "14,2 kB"
    assert GERMAN.say(words.took(0.42)) == "0,4 s"
    assert words.day("20260304", Language.DE) == "04.03.2026"
    assert ">04.03.2026 09:30:00<" in words.local(NOW, NOW.tzinfo, NOW.replace(day=5), language=Language.DE)  # type: ignore[arg-type]


def test_a_sentence_stays_english_until_a_page_says_it() -> None:
    told = say("Read and delivered to {where}.", where=say_and(["A", "B"]))
    assert told == "Read and delivered to A and B."
    assert json.dumps({"headline": told}) == '{"headline": "Read and delivered to A and B."}'
    assert type(copy.deepcopy(told)) is str
    assert GERMAN.say(told) == "Ausgewertet und zugestellt an A und B."
    assert GERMAN.say(say_or(["A", "B", "C"])) == "A oder B oder C"
    assert GERMAN.say(say_join(" ", [say("Read."), say("no reason kept")])) == "Ausgewertet. kein Grund aufbewahrt"


def test_a_number_chooses_the_form() -> None:
    forms = [GERMAN.say(say_many("{number} day", "{number} days", number)) for number in (0, 1, 2)]
    assert forms == ["0 Tage", "1 Tag", "2 Tage"]
    assert str(say_many("{number} day", "{number} days", 1)) == "1 day"


def test_values_are_never_taken_for_messages() -> None:
    assert GERMAN.say(say("Rule “{rule}” gave no reading: {why}.", rule="{why}", why="<b>{rule}")) == (
        "Regel „{why}“ ergab keine Auswertung: <b>{rule}."
    )


def test_a_text_of_somebody_else_stays_as_it_is() -> None:
    assert term("Some rule") == "Some rule"
    assert GERMAN.say(term(Section.FINDINGS)) == "Befund"


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("rule chest-radiograph matched 1 series", "Regel chest-radiograph passt auf 1 Serie(n)"),
        ("complete: 2 instances in 1 series", "vollständig: 2 Instanzen in 1 Serie(n)"),
        ("no rule of version 7 matches: a (body part: wanted X or Y, found HAND); b (the rule is off)",
         "keine Regel der Version 7 passt: a (Körperteil: verlangt X or Y, gefunden HAND); b (die Regel ist aus)"),
        ("tid1500 to PACS held: PACS knows this study under another patient or order; it is encoded again",
         "tid1500 an PACS angehalten: PACS kennt diese Untersuchung unter anderem Patienten oder Auftrag; "
         "es wird neu kodiert"),
        ("finished: analysed, 2 objects for 1 destination", "fertig: analysiert, 2 Objekte für 1 Ziel"),
        ("body part is HAND; the model reads CHEST", "Körperteil ist HAND; das Modell wertet CHEST aus"),
        ("view position is not stated; the model reads PA, AP",
         "Projektion ist nicht angegeben; das Modell wertet PA, AP aus"),
        ("2 of 3 images: the model server is away", "2 von 3 Bildern: der Modellserver ist nicht erreichbar"),
        ("this reading is recalled: there is nothing to sign",
         "diese Auswertung ist zurückgezogen: es gibt nichts zu signieren"),
        ("no model of this reading answers questions about images; its card would say so",
         "kein Modell dieser Auswertung beantwortet Fragen zu Bildern; seine Karte würde es sagen"),
        ("what nobody wrote down; and this", "what nobody wrote down; and this"), ("", ""),
    ],
)  # fmt: skip
def test_what_the_ledger_keeps_is_told_where_its_form_is_known(english: str, german: str) -> None:
    assert GERMAN.say(kept(english)) == german
    assert str(kept(english)) == english


def test_an_issue_of_the_second_opinion_is_told_in_german_to_a_page_alone() -> None:
    house = hospital()
    browser = signed_in(house)
    text = "Findings:\nSmall plerual effusion.\nImpression:\nEffusion."
    sent = {"json": {"text": text}, "headers": {"accept-language": "de", "x-csrf-token": csrf_of(browser.get("/jobs"))}}
    told = browser.post(f"/api/studies/{uid(2)}/quality", **sent).json()["issues"]  # type: ignore[arg-type]
    spelling = next(each for each in told if each["rule"] == "typo.spelling")
    assert spelling["message"] == "'plerual' looks like 'pleural': correct it if that is meant."
    assert spelling["said"] == "'plerual' sieht aus wie 'pleural': berichtigen, wenn das gemeint ist."
    token = {**bearer(house, Role.VIEWER), "accept-language": "de"}
    alone = client(house).post(f"/api/studies/{uid(2)}/quality", json={"text": text}, headers=token).json()["issues"]
    assert {each["said"] for each in alone} == {""}


def test_what_the_second_opinion_says_has_a_german_form() -> None:
    """By each injected error of the bench, so that a rule whose words are changed is noticed."""
    rng = random.Random(1)
    said = {
        issue.message
        for report in clean_reports("development")[:12]
        for inject in ERRORS.values()
        if (wrong := inject(report, rng))
        for issue in inspect(case_of(wrong))
    }
    assert len(said) > 40
    assert [message for message in said if GERMAN.say(kept(message)) == message] == []
