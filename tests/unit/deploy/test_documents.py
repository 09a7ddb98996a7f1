"""Documents: links lead somewhere, commands exist, and nothing speaks of one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.cli.verbs import HIDDEN, VERBS
from service.settings import Settings, as_environment
from tests.unit.deploy.repository import DEPLOY, ROOT, documents, files_under
from tests.unit.deploy.test_compose import command_of

DOCUMENTS = sorted(documents())
WRITTEN = [*DOCUMENTS, *(file for file in files_under(DEPLOY) if file.suffix != ".md"), ROOT / ".dockerignore"]
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)")
SOMEBODYS = re.compile(r"(?<![\w.])/(?:work|root|opt|home|Users|mnt)/\w|(?<![\w.])/(?:work|root|opt)\b")
TO_COME: set[str] = set()
"""Links to what is added when a release is made: pictures of the running service."""
ROOMS = ("dicom_nodes", "service", "tests", "triton_models", "workers")
PLACE = re.compile(rf"(?<![\w./])((?:{'|'.join(ROOMS)}|deploy)/[\w./-]*\w)(?![\w/*{{<-])")
SETTING = re.compile(r"(?:models|scp|site|web|worker)\.[a-z_]+")
INVARIANTS = (DEPLOY / "docs" / "invariants.md").read_text(encoding="utf-8")
RECORDS = sorted((DEPLOY / "docs" / "decisions").glob("[0-9]*.md"))


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def prose(file: Path) -> str:
    """The document without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(file: Path) -> set[str]:
    """The anchors of headings, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", DOCUMENTS, ids=name)
def test_links_lead_to_files_and_headings_that_are_there(file: Path) -> None:
    for link in LINK.findall(prose(file)):
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (file.parent / path).resolve() if path else file
        if target.is_relative_to(ROOT) and name(target) in TO_COME:
            continue
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("file", WRITTEN, ids=name)
def test_nothing_speaks_of_one_machine(file: Path) -> None:
    assert not SOMEBODYS.findall(file.read_text(encoding="utf-8", errors="ignore"))  # samples are no text


@pytest.mark.parametrize("file", DOCUMENTS, ids=name)
def test_commands_in_documents_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`((?:\./run\.sh )?preread [^`]+)`", text)
    for line in (*lines, *inline):
        words = line.removeprefix("./run.sh ").split()
        if words[:1] == ["preread"] and words[1:] and re.fullmatch(r"[a-z-]+", words[1]):
            command_of([word for word in words[1:3] if re.fullmatch(r"[a-z-]+", word)])


@pytest.fixture(scope="module")
def programs() -> str:
    """Every program of the repository, one after the other."""
    files = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return "".join(file.read_text(encoding="utf-8") for file in (*files, ROOT / "run.sh"))


@pytest.mark.parametrize("file", DOCUMENTS, ids=name)
def test_what_documents_name_in_code_is_there(file: Path, programs: str) -> None:
    text = file.read_text(encoding="utf-8")
    code = re.findall(r"`([^`\n]+)`", text)
    settings = set(as_environment(Settings()))
    for word in code:
        if SETTING.fullmatch(word):
            assert f"PREREAD_{word.upper().replace('.', '__')}" in settings, word
        for place in PLACE.findall(word):
            assert any((ROOT / f"{place}{end}").exists() for end in ("", ".py")), place
        for test in re.findall(r"(?<![\w/])(test_\w+)(?!\w|\.py)", word):
            assert f"def {test}(" in programs or list((ROOT / "tests").rglob(f"{test}.py")), test
    for variable in re.findall(r"\bPREREAD_[A-Z_]*[A-Z]\b", text):
        assert variable in settings or variable in programs, variable
    for module in re.findall(r"python -m (tests(?:\.[a-z_]+)*)(?![\w.])", text):
        at = ROOT / module.replace(".", "/")
        assert at.with_suffix(".py").exists() or at.is_dir(), module


def test_the_first_page_names_every_verb() -> None:
    listed = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z]+)`", listed)) == set(VERBS) - set(HIDDEN)


@pytest.mark.parametrize("heading", ["resends", "names", "deaf-workers"])
def test_field_lore_that_code_names_is_there(heading: str) -> None:
    assert heading in anchors(DEPLOY / "docs" / "knowledge.md")


def test_field_lore_that_code_names_is_a_heading() -> None:
    known = anchors(DEPLOY / "docs" / "knowledge.md")
    for package in ("service", "dicom_nodes", "workers", "triton_models"):
        for file in (ROOT / package).rglob("*.py"):
            for heading in re.findall(r'knowledge\.md,\s+"([^"]+)"', file.read_text(encoding="utf-8")):
                assert heading.replace(" ", "-") in known, f"{file}: {heading}"


def test_decision_records_that_code_names_are_there() -> None:
    numbers = {record.name[:4] for record in RECORDS}
    for package in ("service", "dicom_nodes", "workers", "triton_models"):
        for file in (ROOT / package).rglob("*.py"):
            cited = re.findall(r"docs/decisions/(\d{4})", file.read_text(encoding="utf-8"))
            assert set(cited) <= numbers, file


@pytest.mark.parametrize("file", RECORDS, ids=name)
def test_a_decision_record_says_what_why_and_what_would_change_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.match(rf"# {file.name[:4]} \w", text)
    for part in ("**We decided**", "**Because**", "**What it costs:**", "**What would change our mind:**"):
        assert part in text
    assert len(text.splitlines()) <= 50, "one page"


def test_every_decision_record_is_listed_once() -> None:
    listed = LINK.findall((DEPLOY / "docs" / "decisions" / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [record.name for record in RECORDS]


@pytest.mark.parametrize(
    "named", sorted(set(re.findall(r"`((?:tests|service|workers|dicom_nodes)/[^`]+)`", INVARIANTS)))
)
def test_what_keeps_an_invariant_and_what_tries_it_is_there(named: str) -> None:
    path, _, test = named.partition("::")
    assert (ROOT / path).is_file()
    assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_invariant_has_a_home_and_a_test() -> None:
    sections = re.split(r"^## (\d+)\. ", INVARIANTS, flags=re.MULTILINE)[1:]
    assert sections[::2] == [str(number) for number in range(1, 14)]
    for section in sections[1::2]:
        assert "| kept in | tried by |" in section
        assert "`tests/" in section
