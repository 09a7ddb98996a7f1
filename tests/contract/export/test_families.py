"""Every family, from the hub's layout to tokens through Triton: the published names of weights, the published
config.json, and in the end the framework's own tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import onnxruntime_genai as og
import pytest

from service.ports.finish import Finish
from service.ports.models import Guidance, ImagePart, Models, Question
from tests.contract.export.conftest import made
from tests.support import tiny_told, triton_server
from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from engine import goldens  # noqa: E402 - importable from here on
from engine.goldens import Golden  # noqa: E402

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

LAYOUTS = sorted(tiny_told.LAYOUTS)


@dataclass
class Served:
    """All layouts, exported and behind one Triton."""

    repository: Path
    models: Models
    records: dict[str, dict[str, object]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def served(exporting_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("export")
    records = {layout: made(layout, layout, folder, exporting_python)[1] for layout in LAYOUTS}
    with triton_server.serving(folder, folder / "models", LAYOUTS) as server:
        yield Served(folder / "models", server.models, records)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_graph_and_every_greedy_token_is_the_framework_s(served: Served, layout: str) -> None:
    record = served.records[layout]
    assert record["differences"] == []
    assert record["prompts"] == record["greedy_tokens_identical"] == 8
    assert record["tokens"] == record["tokens_identical"]
    assert len(record["components"]) == (1 if record["pixels_max_difference"] is None else 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_triton_streams_the_framework_s_answers(served: Served, layout: str) -> None:
    version = served.repository / layout / "1"
    speak = _speaker(version)
    streamed = 0
    for golden in goldens.read(version):
        pieces: list[str] = []
        answer = served.models.ask(_question(layout, golden), on_text=pieces.append)
        assert answer.usage["completion_tokens"] == len(golden.tokens)
        assert answer.prompt_digest == golden.prompt_digest.removeprefix("sha256:")
        assert answer.text == "".join(pieces) == speak(golden.tokens)
        streamed += len(pieces)
        assert answer.finish in (Finish.LENGTH, Finish.STOP)
    assert streamed > 8, "the first word before the others; a random model may end an answer at once"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_guided_answer_has_its_form_from_every_family(served: Served, layout: str) -> None:
    schema = {"type": "object", "properties": {"side": {"enum": ["left", "right"]}}, "required": ["side"],
              "additionalProperties": False}  # fmt: skip
    guidance = Guidance(kind="json_schema", value=json.dumps(schema))
    question = _question(layout, goldens.read(served.repository / layout / "1")[0])
    answer = served.models.ask(replace(question, guidance=guidance))
    assert json.loads(answer.text)["side"] in {"left", "right"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_client_that_leaves_ends_its_answer_alone(served: Served, layout: str) -> None:
    golden = goldens.read(served.repository / layout / "1")[0]

    def leave(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        served.models.ask(_question(layout, golden), on_text=leave)
    assert served.models.ask(_question(layout, golden)).usage["completion_tokens"] == len(golden.tokens)


def _question(layout: str, golden: Golden) -> Question:
    drawn = goldens.image_of(golden, None)
    shown = () if drawn is None else (ImagePart(label="frontal", pixels=drawn),)
    return Question(model=layout, parts=(*shown, golden.text), max_tokens=golden.max_tokens, timeout_s=60)


def _speaker(version: Path) -> Callable[[tuple[int, ...]], str]:
    """What turns tokens into text as the engine does: one by one, without the one that ends an answer."""
    tokenizer = og.Tokenizer(str(version))
    ends = {int(token) for token in tokenizer.eos_token_ids}

    def speak(tokens: tuple[int, ...]) -> str:
        stream = tokenizer.create_stream()
        return "".join(stream.decode(token) for token in tokens if token not in ends)

    return speak
