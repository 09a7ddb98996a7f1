"""rules.toml and nodes.toml: typed, whole, and with the line of every mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from service.adapters.configuration import StoredConfigurations, parse
from service.adapters.configuration.store import Installed, Texts
from service.bootstrap import plug_ins
from service.domain.errors import Misconfigured
from service.domain.prior import PriorNode, Retrieve
from service.domain.profile import PRESETS, CharacterSet, Profile
from service.domain.protocol import ProtocolStep, StepKind
from service.domain.rule import Mode, Priority
from service.settings import Settings

NODES = """
[[source]]
name = "er"
ae_title = "CT_ER"
networks = ["10.0.0.0/8"]
quiet = "5s"

[[destination]]
name = "pacs"
url = "dicom://PACS@127.0.0.1:104"
"""

RULES = """
[[protocol]]
name = "chest"
steps = [{ kind = "draft", algorithm = "chest-radiograph-report" }]

[[rule]]
name = "chest"
mode = "live"
priority = "stat"
protocol = "chest"
destinations = ["pacs"]
deadline = "30m"
when.modality = ["CR", "DX"]
when.tags = { StationName = "ER*" }
when.age_years = { min = 18 }
when.received = { from = 07:00:00, until = 19:00:00 }

[[forward]]
destination = "pacs"
"""


MODEL_STEP = RULES.replace(
    'kind = "draft", algorithm = "chest-radiograph-report"',
    'kind = "segment", algorithm = "image-model", model = "lungs"',
)


def test_a_step_names_which_model_of_images_it_asks() -> None:
    (step,) = parse({"rules.toml": MODEL_STEP, "nodes.toml": NODES}, algorithms=["image-model"]).protocols[0].steps
    assert (step.kind, step.algorithm, step.model) == (StepKind.SEGMENT, "image-model", "lungs")


def test_a_model_is_named_where_one_is_needed_and_nowhere_else() -> None:
    for wrong in (MODEL_STEP.replace(', model = "lungs"', ""), MODEL_STEP.replace("image-model", "chest")):
        with pytest.raises(Misconfigured, match=r'rules.toml:4: .*"image-model" needs a model, and no other'):
            parse({"rules.toml": wrong, "nodes.toml": NODES})


def test_a_model_that_cannot_do_the_step_becomes_no_version() -> None:
    def check(step: ProtocolStep) -> None:
        raise Misconfigured(f"model {step.model} is in no model repository")

    installed = Installed(check_step=check)
    with pytest.raises(Misconfigured, match=r"rules.toml:4: steps: model lungs is in no model repository"):
        StoredConfigurations(MemoryTexts(), installed).apply({"rules.toml": MODEL_STEP, "nodes.toml": NODES}, by="me")


def test_both_files_become_one_configuration() -> None:
    found = parse({"rules.toml": RULES, "nodes.toml": NODES}, algorithms=["chest-radiograph-report"])
    (rule,) = found.rules
    assert (rule.mode, rule.priority, rule.deadline) == (Mode.LIVE, Priority.STAT, timedelta(minutes=30))
    assert rule.when.tags == (("StationName", ("ER*",)),)
    assert rule.when.min_age_years == 18
    assert found.sources[0].patience.quiet == timedelta(seconds=5)
    assert found.forwards[0].destination == "pacs"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "when.modality",
            "when.modalty",
            "rules.toml:13: rule.when.modalty: there is no such key (is modality meant",
        ),
        ("destinations =", "destination =", "rule.destination: there is no such key (is destinations meant?); see the"),
        ("when.modality", "when.colour", "rule.when.colour: there is no such key; see the annotated example"),
        ('mode = "live"', 'mode = "alive"', "rules.toml:8: rule.mode"),
        ('deadline = "30m"', 'deadline = "soon"', "rules.toml:12: rule.deadline: a duration is written like"),
        ('protocol = "chest"', 'protocol = "head"', "rules.toml:10: protocol 'head' does not exist; known: chest"),
        ('destinations = ["pacs"]', 'destinations = ["pcas"]', "rules.toml:11: destination 'pcas' does not exist"),
        ("chest-radiograph-report", "chest-report", "algorithm 'chest-report' does not exist"),
        (
            'report" }',
            'report", context = ["name"] }',
            "name never stands in a prompt; a model may be told: indication",
        ),
        ("StationName", "StatonName", "StatonName is not indexed"),
        ('name = "chest"\nmode', "name = chest\nmode", "rules.toml: not valid TOML"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_remedy(before: str, after: str, said: str) -> None:
    assert before in RULES
    with pytest.raises(Misconfigured) as caught:
        parse({"rules.toml": RULES.replace(before, after), "nodes.toml": NODES}, algorithms=["chest-radiograph-report"])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("10.0.0.0/8", "10.0.0.300", "nodes.toml:5: source.networks"),
        ("CT_ER", "A_TITLE_THAT_IS_TOO_LONG", "nodes.toml:4: source.ae_title: an AE title has 1 to 16"),
        ("dicom://", "gopher://", "nodes.toml:10: no destination handles 'gopher' URLs; known: dicom, file"),
        ('url = "dicom', 'url = "', "nodes.toml:10"),
        (
            "[[destination]]",
            '[[destination]]\nname = "a"\nurl = "dicom://A@127.0.0.1:105"\nadopt_identity = true\n'
            "[[destination]]\nadopt_identity = true",
            "nodes.toml:13: adopt_identity: 'a' is the truth about patients already; only one can be",
        ),
    ],
)
def test_a_mistaken_node_is_told_the_same_way(before: str, after: str, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse({"rules.toml": RULES, "nodes.toml": NODES.replace(before, after)}, schemes=["dicom", "file"])
    assert said in str(caught.value)


def test_a_network_that_is_none_is_one_mistake() -> None:
    with pytest.raises(Misconfigured) as caught:
        parse({"nodes.toml": NODES.replace("10.0.0.0/8", "10.0.0.300")})
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(Misconfigured, match=r"nodes.toml:5: source.networks: .*at least 1"):
        parse({"nodes.toml": NODES.replace('"10.0.0.0/8"', "")})


def test_every_mistake_is_told_at_once() -> None:
    text = RULES.replace('mode = "live"', 'mode = "x"').replace('deadline = "30m"', 'deadline = "y"')
    with pytest.raises(Misconfigured) as caught:
        parse({"rules.toml": text, "nodes.toml": NODES})
    assert len(str(caught.value).splitlines()) == 2


def test_two_rules_of_one_name_are_refused() -> None:
    twice = RULES + '\n[[rule]]\nname = "chest"\nprotocol = "chest"\n'
    with pytest.raises(Misconfigured, match="rule 'chest' stands 2 times"):
        parse({"rules.toml": twice, "nodes.toml": NODES})


@dataclass
class Kept:
    number: int
    texts: Mapping[str, str]
    applied_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    applied_by: str = "test"


@dataclass
class MemoryTexts:
    """A fake TextStore."""

    versions: list[Kept] = field(default_factory=list)

    def config(self, number: int | None = None) -> Texts | None:
        return next((v for v in reversed(self.versions) if number in (None, v.number)), None)

    def add_config(self, texts: Mapping[str, str], *, by: str) -> Texts:
        if not self.versions or self.versions[-1].texts != texts:
            self.versions.append(Kept(len(self.versions) + 1, texts))
        return self.versions[-1]


def test_a_version_is_numbered_immutable_and_still_there_after_the_next() -> None:
    configurations = StoredConfigurations(MemoryTexts(), Installed())
    first = configurations.apply({"rules.toml": RULES, "nodes.toml": NODES}, by="me")
    second = configurations.apply({"rules.toml": RULES.replace("stat", "low"), "nodes.toml": NODES}, by="me")
    assert (first.number, second.number) == (1, 2)
    assert configurations.active().configuration.rules[0].priority is Priority.LOW
    assert configurations.version(1).configuration.rules[0].priority is Priority.STAT


def test_a_wrong_configuration_becomes_no_version() -> None:
    store = MemoryTexts()
    with pytest.raises(Misconfigured):
        StoredConfigurations(store, Installed()).apply({"rules.toml": "[[rule]]"}, by="me")
    assert store.versions == []


def test_a_destination_that_would_not_open_becomes_no_version() -> None:
    store = MemoryTexts()
    wrong = NODES.replace("dicom://PACS@127.0.0.1:104", "dicom://ARCHIVE:104")
    line = wrong.splitlines().index('url = "dicom://ARCHIVE:104"') + 1
    remedy = r"'dicom://ARCHIVE:104' is not dicom://CALLED_AE@host:port; write it so"
    with pytest.raises(Misconfigured, match=f"^nodes.toml:{line}: url: Destination pacs: {remedy}"):
        StoredConfigurations(store, plug_ins(Settings())).apply({"nodes.toml": wrong}, by="me")
    assert store.versions == []
    assert StoredConfigurations(store, plug_ins(Settings())).apply({"nodes.toml": NODES}, by="me").number == 1


def test_a_source_may_be_an_account_but_must_be_somebody() -> None:
    over_http = parse({"nodes.toml": NODES.replace('ae_title = "CT_ER"', 'account = "gateway"')}).sources[0]
    assert (over_http.account, over_http.ae_title) == ("gateway", "")
    with pytest.raises(Misconfigured, match=r"nodes.toml:\d+: source.*needs ae_title .*, account .*, or both"):
        parse({"nodes.toml": NODES.replace('ae_title = "CT_ER"', "")})


def test_an_own_title_that_is_no_ae_title_is_named_by_its_line() -> None:
    wrong = NODES + 'calling_ae_title = "SEVENTEEN_LETTERS"\n'
    line = len(wrong.splitlines())
    with pytest.raises(
        Misconfigured, match=f"^nodes.toml:{line}: destination.calling_ae_title: an AE title has 1 to 16"
    ):
        parse({"nodes.toml": wrong})


def test_nothing_applied_says_what_to_do() -> None:
    with pytest.raises(Misconfigured, match="preread config apply"):
        StoredConfigurations(MemoryTexts(), Installed()).active()


def profile(lines: str) -> Profile:
    texts = {"rules.toml": RULES, "nodes.toml": NODES + lines}
    return parse(texts, outputs=["basic-text-sr", "tid1500"]).destination("pacs").profile


def test_a_destination_may_say_which_objects_it_gets_and_how() -> None:
    said = profile('objects = ["tid1500"]\nfall_back = ["basic-text-sr"]\ncharacter_set = "latin-1"\nmax_objects = 2')
    assert said == Profile(
        objects=("tid1500",), fall_back=("basic-text-sr",), character_set=CharacterSet.LATIN_1, max_objects=2
    )
    assert profile("") == Profile()


def test_a_preset_is_a_profile_of_which_lines_may_be_said_otherwise() -> None:
    said = profile('preset = "pages"\nseries_number = 50000')
    assert said == replace(PRESETS["pages"], series_number=50000)
    assert profile('preset = "ohif"\nforms = true') == replace(PRESETS["ohif"], forms=True)
    assert not profile("forms = false").forms


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('preset = "osirix"', "nodes.toml:11: destination.preset: one of archive, ohif, weasis"),
        (
            'objects = ["tid1400"]',
            "nodes.toml:11: objects: object 'tid1400' does not exist; known: basic-text-sr, tid1500",
        ),
        ('fall_back = ["fax"]', "nodes.toml:11: fall_back: object 'fax' does not exist"),
        ('character_set = "latin-2"', "nodes.toml:11: destination.character_set: "),
        ("max_objects = -1", "nodes.toml:11: destination.max_objects: "),
    ],
)
def test_a_mistake_in_a_profile_is_named_with_its_line(line: str, told: str) -> None:
    with pytest.raises(Misconfigured) as error:
        profile(line)
    assert str(error.value).startswith(told)


PRIORS = """
[[priors]]
name = "archive"
url = "dicom://ARCHIVE@10.1.20.10:104"
"""


def priors(*lines: str) -> PriorNode:
    texts = {"rules.toml": RULES, "nodes.toml": NODES + PRIORS + "\n".join(lines)}
    return parse(texts, check_priors=plug_ins(Settings()).check_priors).prior_node("archive")


def test_earlier_studies_come_by_c_get_unless_they_are_to_be_moved() -> None:
    assert priors().retrieve is Retrieve.GET
    lines = ['retrieve = "move"', 'move_ae_title = "PREREAD_MOVE"', "move_port = 11113", 'networks = ["10.1.20.0/28"]']
    moved = priors(*lines, "max_object_bytes = 2097152", "max_bytes = 4194304")
    assert (moved.retrieve, moved.move_ae_title, moved.move_port) == (Retrieve.MOVE, "PREREAD_MOVE", 11113)
    assert (moved.networks, moved.max_object_bytes, moved.max_bytes) == (("10.1.20.0/28",), 2 * 1024**2, 4 * 1024**2)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['retrieve = "move"'], 'nodes.toml:14: url: Priors archive: retrieve = "move" needs move_ae_title'),
        (
            ['retrieve = "move"', 'move_ae_title = "PREREAD"', "move_port = 11113"],
            "nodes.toml:14: url: Priors archive: move_ae_title and move_port must be others than the receiver's",
        ),
        (['retrieve = "push"'], "nodes.toml:15: priors.retrieve: "),
        (["move_port = 70000"], "nodes.toml:15: priors.move_port: "),
        (["max_object_bytes = 10"], "nodes.toml:15: priors.max_object_bytes: "),
        (['networks = ["everywhere"]'], "nodes.toml:15: priors.networks"),
    ],
)
def test_a_mistake_in_priors_is_named_with_its_line(lines: list[str], told: str) -> None:
    with pytest.raises(Misconfigured) as error:
        priors(*lines)
    assert str(error.value).startswith(told)


def test_a_comparison_is_read_with_the_adapter_of_the_draft() -> None:
    steps = """steps = [{ kind = "draft", algorithm = "chest", adapter = "site" },
         { kind = "compare", algorithm = "chest", adapter = "site", priors = "archive" }]"""
    rules = RULES.replace('steps = [{ kind = "draft", algorithm = "chest-radiograph-report" }]', steps)
    priors = '\n[[priors]]\nname = "archive"\nurl = "dicomweb+https://archive.example/dicom-web"\n'
    files = {"rules.toml": rules, "nodes.toml": NODES + priors}
    (protocol,) = parse(files, algorithms=["chest"]).protocols
    assert [step.adapter for step in protocol.steps] == ["site", "site"]
    with pytest.raises(Misconfigured, match="needs the adapter of the step that drafts: chest"):
        parse(files | {"rules.toml": rules.replace(', adapter = "site", priors', ", priors")}, algorithms=["chest"])
