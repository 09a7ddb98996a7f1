"""`preread models`: what is listed, what is refused, and what stopping does to rules, readings and results."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from service.cli.checkpoints import digest_of
from service.cli.models_verify import again
from service.ports.services import Services
from tests.support import tiny_checkpoint
from tests.support.scripted_image_model import Script, constant, write
from tests.unit.service.cli.conftest import REPOSITORY, Preread

DEMO = REPOSITORY / "triton_models" / "chest_demo"
CLASSIFIER = Script(task="classification", graph=constant(scores=np.zeros((1, 1), np.float32)), input={})
RECORD = {"prompts": 8, "greedy_tokens_identical": 8, "differences": []}


@pytest.fixture
def own(data: Path, services: Services) -> Path:
    """A model of the site's own, `chest_own`: the demonstration model's card and record, no weights."""
    folder = data / "models" / "chest_own"
    (folder / "1").mkdir(parents=True)
    card = (DEMO / "card.toml").read_text().replace('name = "chest_demo"', 'name = "chest_own"')
    (folder / "card.toml").write_text(card)
    (folder / "config.pbtxt").touch()
    (folder / "1" / "verify.json").write_text(json.dumps(RECORD))
    return folder


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    file = tmp_path / "limits.toml"
    file.write_text('modality = ["DX"]\n')
    return file


def override(folder: Path) -> None:
    card = (folder / "card.toml").read_text()
    (folder / "card.toml").write_text(card.replace("demo = true", 'demo = true\nunverified_override = "a trial (me)"'))


def listed(preread: Preread) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in map(json.loads, preread("models", "list", "--json").out.splitlines())}


def test_every_model_is_listed_with_what_is_known_of_it(preread: Preread, own: Path) -> None:
    found = listed(preread)
    assert set(found) == {"chest_demo", "chest_own"}
    assert found["chest_own"]["verified"] == "yes"
    assert found["chest_own"]["served"] == "no"
    (own / "1" / "verify.json").unlink()
    assert listed(preread)["chest_own"]["verified"] == "NO: it was never verified"


def test_an_override_shows_in_the_list_in_the_card_and_in_doctor(preread: Preread, own: Path) -> None:
    (own / "1" / "verify.json").write_text(json.dumps({**RECORD, "differences": ["7 of 9 tokens"]}))
    override(own)
    assert listed(preread)["chest_own"]["verified"] == "NO: 7 of 9 tokens; OVERRIDDEN: a trial (me)"
    for words in (("models", "card", "chest_own"), ("doctor",)):
        assert "a trial (me)" in preread(*words).out


def test_a_card_is_shown_whole(preread: Preread, own: Path) -> None:
    shutil.copy2(DEMO / "1" / "genai_config.json", own / "1")
    said = preread("models", "card", "chest_own")
    assert said.code == 0
    assert "Apache-2.0" in said.out
    assert "16 for 8 of 1024 tokens" in said.out, "what its answers take of its memory"
    assert json.loads(preread("models", "card", "chest_own", "--json").out)["licence"] == "Apache-2.0"
    missing = preread("models", "card", "nobody")
    assert (missing.code, missing.err) == (
        2, "preread: model nobody is in no model repository; `preread models list` names those that are\n"
    )  # fmt: skip


def test_of_a_model_of_images_the_classes_are_shown_and_no_comparison_is_claimed(preread: Preread, data: Path) -> None:
    write(data / "models", "tiny", CLASSIFIER)
    said = " ".join(preread("models", "card", "tiny").out.split())
    assert "verified not compared: it writes nothing" in said
    assert "task classification class nodule Nodule, from 0.5 on" in said


def test_a_stopped_model_stays_stopped_when_rules_are_applied_until_it_is_started(
    preread: Preread, services: Services, own: Path
) -> None:
    assert preread("models", "stop", "chest_own", "--reason", "wrong side").code == 0
    active = services.configurations.active()
    stopped = active.configuration.stop_of("chest_own")
    assert stopped is not None
    assert stopped.words.endswith(": wrong side")
    assert stopped.digest == tomllib.loads((own / "card.toml").read_text())["digest"].removeprefix("sha256:")
    services.configurations.apply({"nodes.toml": "", "rules.toml": ""}, by="me")
    assert services.configurations.active().configuration.stop_of("chest_own")
    assert listed(preread)["chest_own"]["served"].startswith("STOPPED by ")
    again = preread("models", "stop", "chest_own")
    assert (again.code, "is stopped already" in again.err) == (2, True)
    assert preread("models", "start", "chest_own").code == 0
    assert services.configurations.active().configuration.stopped == ()
    assert preread("models", "start", "chest_own").code == 2


def test_a_model_is_removed_whole_and_only_while_no_rule_names_it(preread: Preread, own: Path) -> None:
    assert preread("models", "remove", "chest_demo").code == 2
    assert preread("models", "remove", "chest_own").code == 0
    assert list(own.parent.iterdir()) == []


def test_a_model_that_a_rule_names_stays(preread: Preread, data: Path, services: Services) -> None:
    own = data / "models" / "chest_demo"
    own.mkdir(parents=True)
    shutil.copy(DEMO / "card.toml", own)
    said = preread("models", "remove", "chest_demo")
    assert said.code == 2
    assert "chest_demo is named by" in said.err
    assert own.exists()


def rules_that_ask(model: str, services: Services, folder: Path) -> Path:
    """The active configuration in `folder`, its live rule asking an image model."""
    for name, text in dict(services.configurations.active().texts).items():
        (folder / name).write_text(text)
    rules = folder / "rules.toml"
    steps = f'{{ kind = "classify", algorithm = "image-model", model = "{model}" }}'
    rules.write_text(rules.read_text().replace('{ kind = "draft", algorithm = "chest-radiograph-report" }', steps))
    assert model in rules.read_text()
    return folder


def test_an_image_model_that_a_rule_names_stays(
    preread: Preread, data: Path, services: Services, tmp_path: Path
) -> None:
    folder = write(data / "models", "tiny", CLASSIFIER)
    assert preread("config", "apply", rules_that_ask("tiny", services, tmp_path)).code == 0
    said = preread("models", "remove", "tiny")
    assert (said.code, folder.exists()) == (2, True)
    assert "tiny is named by" in said.err


def test_a_live_rule_of_an_image_model_without_a_licence_for_it_is_refused_by_check_and_by_apply(
    preread: Preread, data: Path, services: Services, tmp_path: Path
) -> None:
    card = write(data / "models", "tiny", CLASSIFIER) / "card.toml"
    card.write_text(card.read_text().replace('licence = "Apache-2.0"', 'licence = "cc-by-nc-4.0"'))
    folder = rules_that_ask("tiny", services, tmp_path)
    for said in (preread("config", "apply", folder), preread("rules", "check", folder)):
        assert said.code == 2
        assert "mode: tiny: its licence is cc-by-nc-4.0" in said.err


@pytest.mark.parametrize(
    ("licence", "sentence"),
    [
        ("", "its card names no licence"),
        ("cc-by-nc-4.0", "its licence is cc-by-nc-4.0, which is not for commercial use"),
        ("Non-Commercial research licence", "not for commercial use"),
    ],
)
def test_a_live_rule_of_a_model_without_a_licence_for_it_is_refused(
    licence: str, sentence: str, preread: Preread, data: Path, services: Services, tmp_path: Path
) -> None:
    own = data / "models" / "chest_demo"
    own.mkdir(parents=True)
    card = (DEMO / "card.toml").read_text()
    (own / "card.toml").write_text(card.replace('licence = "Apache-2.0"', f'licence = "{licence}"'))
    texts = dict(services.configurations.active().texts)
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    said = preread("config", "apply", tmp_path)
    assert said.code == 2
    assert sentence in said.err
    assert 'mode = "shadow" only' in said.err
    (tmp_path / "rules.toml").write_text(texts["rules.toml"].replace('"live"', '"shadow"'))
    assert preread("config", "apply", tmp_path).code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("SOURCE", "--name", "Bad Name", "--limits", "LIMITS"), "is no name for a model"),
        (("SOURCE", "--name", "chest_demo", "--limits", "LIMITS"), "has chest_demo already"),
        (("SOURCE", "--name", "tiny"), "say what the model may read: --limits FILE"),
        (("SOURCE", "--name", "tiny", "--limits", "LIMITS", "--precision", "int3"), "precision 'int3' is not known"),
        (("SOURCE", "--name", "tiny", "--limits", "LIMITS", "--python", "/none"), "/none does not start"),
        (("EMPTY", "--name", "tiny", "--limits", "LIMITS", "--python", "/none"), "has no config.json"),
        (("/none", "--name", "tiny", "--limits", "LIMITS", "--python", "/none"), "is neither a folder nor an id"),
    ],
)
def test_what_cannot_be_added_is_one_sentence_with_the_remedy(
    arguments: tuple[str, ...], sentence: str, preread: Preread, services: Services, limits: Path, tmp_path: Path
) -> None:
    (empty := tmp_path / "empty").mkdir()
    (tmp_path / "config.json").write_text("{}")
    places = {"SOURCE": str(tmp_path), "LIMITS": str(limits), "EMPTY": str(empty)}
    said = preread("models", "add", *(places.get(word, word) for word in arguments))
    assert said.code == 2
    assert sentence in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("modality = DX", "not valid TOML"),
        ('modalty = ["DX"]', "there is no limit modalty; known: body_part,"),
        ('view = ["PA"]', "name at least the modality"),
    ],
)
def test_limits_that_say_nothing_are_named(
    text: str, sentence: str, preread: Preread, services: Services, limits: Path, tmp_path: Path
) -> None:
    limits.write_text(text)
    assert sentence in preread("models", "add", tmp_path, "--name", "tiny", "--limits", limits).err


def test_the_digest_of_a_checkpoint_is_that_of_its_files(tmp_path: Path) -> None:
    folder = tiny_checkpoint.phi(tmp_path / "phi")
    before = digest_of(folder)
    assert digest_of(tiny_checkpoint.phi(tmp_path / "same")) == before
    (folder / "config.json").write_text("{}")
    assert digest_of(folder) != before


def test_a_second_verification_keeps_what_the_graphs_said() -> None:
    record = {"digest": "sha256:1", "graph_differences": ["vision"], "differences": ["vision"], "components": []}
    told = {"prompts": 8, "identical": 7, "tokens": 9, "tokens_identical": 8, "differences": ["8 of 9"],
            "execution_provider": "CUDAExecutionProvider"}  # fmt: skip
    found = again(record, told)
    assert found["differences"] == ["vision", "8 of 9"]
    assert (found["digest"], found["greedy_tokens_identical"], found["prompts"]) == ("sha256:1", 7, 8)
