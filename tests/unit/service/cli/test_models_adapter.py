"""`preread models adapter`: what is refused before any weight is read, and what a protocol may name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from service.cli.checkpoints import Found, digest_of, with_adapter
from service.ports.services import Services
from tests.support import tiny_adapter, tiny_checkpoint
from tests.unit.service.cli.conftest import Preread

EXPORTER = """\
#!{python}
import json, pathlib, sys
if sys.argv[1] != "-c":
    job = json.loads(pathlib.Path(sys.argv[2]).read_text())["adapter_of"]
    folder = pathlib.Path(job["model"]) / "1" / "adapters"
    folder.mkdir(exist_ok=True)
    record = {{"digest": "sha256:1", "model_digest": "sha256:0", "differences": [], "tokens": 192,
              "tokens_identical": 192, "trained_on": "b", "licence": job["licence"], "source": job["source"]}}
    (folder / (job["name"] + ".json")).write_text(json.dumps(record))
    (folder / (job["name"] + ".onnx_adapter")).touch()
    print(json.dumps({{"record": record}}))
"""
CARD = """\
name = "site_phi"
version = "1"
digest = "sha256:0"
device_uid = "2.25.1"
licence = "mit"
source = "{source}"
intended_use = "tests"
"""
COMMIT = "a" * 40


@pytest.fixture
def exporter(tmp_path: Path) -> Path:
    """Stands for a Python with the extra: says that it lacks nothing, and keeps an adapter as an export does."""
    file = tmp_path / "python"
    file.write_text(EXPORTER.format(python=sys.executable))
    file.chmod(0o755)
    return file


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return tiny_adapter.write(tmp_path / "adapter", "phi")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tiny_checkpoint.phi(tmp_path / "checkpoint")


@pytest.fixture
def model(data: Path, services: Services, checkpoint: Path) -> Path:
    """A model of text that `add` made of the checkpoint, without its graphs."""
    folder = data / "models" / "site_phi"
    (folder / "1").mkdir(parents=True)
    (folder / "card.toml").write_text(CARD.format(source=f"folder {checkpoint}, files sha256:{digest_of(checkpoint)}"))
    (folder / "1" / "verify.json").write_text('{"prompts": 8, "greedy_tokens_identical": 8, "differences": []}')
    return folder


def test_an_adapter_is_added_listed_shown_and_removed(
    preread: Preread, model: Path, adapter: Path, exporter: Path
) -> None:
    add = ("models", "adapter", "add", "site_phi", adapter, "--name", "site", "--python", exporter)
    said = preread(*add)
    assert said.code == 0, said.err
    assert "site_phi with site is added and verified (192 of 192 greedy tokens are the framework's" in said.out
    assert "no licence was found" in said.out
    assert "has an adapter site already" in preread(*add).err
    (row,) = map(json.loads, preread("models", "adapter", "list", "--json").out.splitlines())
    assert (row["model"], row["name"], row["verified"], row["licence"]) == ("site_phi", "site", "yes", "not stated")
    assert "adapter site" in preread("models", "card", "site_phi").out
    assert preread("models", "adapter", "remove", "site_phi", "site").code == 0
    assert preread("models", "adapter", "list").out.strip() == "(no adapter)"
    assert "has no adapter site" in preread("models", "adapter", "remove", "site_phi", "site").err
    assert not list((model / "1" / "adapters").iterdir())


def test_another_base_than_the_model_s_is_refused_before_anything_is_read(
    preread: Preread, model: Path, adapter: Path, checkpoint: Path, exporter: Path
) -> None:
    def refused(*more: object) -> str:
        said = preread("models", "adapter", "add", "site_phi", adapter, "--name", "site", "--python", exporter, *more)
        assert said.code == 2
        return said.err

    (checkpoint / "config.json").write_text("{}")
    assert "has other files than site_phi was made of" in refused()
    assert "is not there any more: name its place with --base" in refused("--base", checkpoint / "gone")
    for source, sentence in (
        (f"https://hub/microsoft/phi-1_5 at {COMMIT}, files sha256:{'0' * 64}", "was trained on microsoft/phi-2, and"),
        ("trained by ourselves", "names no checkpoint"),
        (f"folder x, files sha256:{'0' * 64}; merged with the adapter in folder y", "in its weights already"),
    ):
        (model / "card.toml").write_text(CARD.format(source=source))
        assert sentence in refused("--base", checkpoint)
    assert "not the one that was asked for" in refused("--digest", "0" * 64)
    assert "is no name for an adapter" in refused("--name", "A/B")
    assert "not ours to change" in preread("models", "adapter", "add", "chest_demo", adapter, "--name", "site").err


STEP = """
[[protocol]]
name = "text"
[[protocol.steps]]
kind = "{kind}"
algorithm = "{algorithm}"
adapter = "site"
"""


@pytest.mark.parametrize(
    ("kind", "algorithm", "sentence"),
    [
        ("draft", "chest-radiograph-report", "model chest_demo has no adapter site; it has none"),
        ("measure", "lungs", "takes no adapter: only models that write text have some"),
    ],
)
def test_a_protocol_names_only_adapters_that_the_step_s_model_has(
    kind: str, algorithm: str, sentence: str, preread: Preread, services: Services, tmp_path: Path
) -> None:
    for name, text in dict(services.configurations.active().texts).items():
        more = STEP.format(kind=kind, algorithm=algorithm) if name == "rules.toml" else ""
        (tmp_path / name).write_text(text + more)
    said = preread("config", "apply", tmp_path)
    assert said.code == 2
    assert sentence in said.err


def test_a_merged_model_is_licensed_only_where_base_and_adapter_are(tmp_path: Path, adapter: Path) -> None:
    base = Found(folder=tmp_path, source="folder b, files sha256:0", licence="mit")
    assert with_adapter(base, None) == base
    found = with_adapter(base, adapter)
    assert found.licence == ""
    assert found.source.startswith("folder b, files sha256:0; merged with the adapter in folder ")
    (adapter / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert with_adapter(base, adapter).licence == "mit and apache-2.0"
