"""One suite for the port `Models`: the demo model behind Triton, and behind the local engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from service.adapters.models_local import LocalModels
from service.adapters.models_triton import TritonModels
from service.domain.errors import Refused, Unavailable
from service.ports.finish import Finish
from service.ports.models import Guidance, ImagePart, Models, Question
from tests.support import local_engine, triton_server
from tests.support.installation import REPOSITORY

pytestmark = [pytest.mark.e2e]

MODELS = REPOSITORY / "triton_models"


@pytest.fixture(scope="module", params=["triton", "local"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    """A real server with the demo model, on loopback or on a unix socket."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "triton":
        with triton_server.serving(folder, MODELS, ["chest_demo"]) as triton:
            yield triton.models
    else:
        with local_engine.serving(folder, MODELS) as served:
            yield served


@pytest.fixture(scope="module")
def question() -> Question:
    """The bundled phantom, as the chest algorithm asks about it."""
    dataset = dcmread(REPOSITORY / "deploy" / "examples" / "chest" / "phantom.dcm")
    stored = dataset.pixel_array.astype(np.float64)
    low = float(dataset.WindowCenter) - float(dataset.WindowWidth) / 2
    pixels = np.clip((stored - low) / float(dataset.WindowWidth), 0, 1) * 65535
    image = ImagePart(label="frontal", pixels=pixels.astype(np.uint16))
    return Question(model="chest_demo", parts=(image, "Write the report."), max_tokens=512, timeout_s=60)


def test_an_answer_is_streamed_whole_and_says_who_gave_it(models: Models, question: Question) -> None:
    pieces: list[str] = []
    answer = models.ask(question, on_text=pieces.append)
    assert answer.finish is Finish.STOP
    assert "".join(pieces) == answer.text
    assert len(pieces) > 1, "the first word comes at once, the others as they gather"
    assert len(pieces[0]) < 20 < len(answer.pieces)
    impression = "small right pleural effusion, large right pneumothorax, left upper zone nodule"
    assert answer.text.endswith(f"IMPRESSION: {impression}.")
    assert len(answer.logprobs) == answer.usage["completion_tokens"]
    assert all(value <= 0 for value in answer.logprobs)
    assert answer.digest == models.card("chest_demo").algorithm.digest
    assert answer.domain_score is not None
    assert answer.domain_score > (answer.domain_threshold or 1)


def test_the_server_names_the_provider_that_each_model_really_runs_on(models: Models, question: Question) -> None:
    served = {model.name: model.provider for model in models.state().models}
    assert served["chest_demo"] == models.ask(question).usage["execution_provider"] == "CPUExecutionProvider"


def test_a_busy_model_still_says_what_it_runs_on(question: Question, tmp_path: Path) -> None:
    with triton_server.serving(tmp_path, MODELS, ["chest_demo"]) as triton, ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(triton.models.ask, question) for _ in range(24)]
        fresh = TritonModels(f"127.0.0.1:{triton.ports.grpc}", (MODELS,))
        assert fresh.state().provider == "CPU"
        assert {one.result().finish for one in asked} == {Finish.STOP}


def test_the_same_question_has_the_same_answer_eight_times_at_once(models: Models, question: Question) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: models.ask(question).text, range(8)))
    assert len(set(answers)) == 1


def test_the_answer_goes_on_where_its_beginning_ends(models: Models, question: Question) -> None:
    whole = models.ask(question).text
    begun = whole[: whole.index("There is a large right pneumothorax")].rstrip()
    assert models.ask(replace(question, prefix=begun)).text.strip() == whole[len(begun) :].strip()


def test_noise_is_outside_the_domain_and_gets_no_text(models: Models, question: Question) -> None:
    noise = np.random.default_rng(7).integers(0, 65535, (512, 512)).astype(np.uint16)
    answer = models.ask(replace(question, parts=(ImagePart(label="frontal", pixels=noise), "Write the report.")))
    assert answer.finish is Finish.OUTSIDE_DOMAIN
    assert answer.text == ""
    assert answer.domain_score is not None
    assert answer.domain_score < (answer.domain_threshold or 0)


def test_an_answer_that_is_cut_short_says_so(models: Models, question: Question) -> None:
    assert models.ask(replace(question, max_tokens=3)).finish is Finish.LENGTH


def test_a_guided_answer_has_the_form_that_was_asked_for(models: Models, question: Question) -> None:
    answer = models.ask(replace(question, guidance=Guidance(kind="regex", value="(yes|no)"), max_tokens=10))
    assert answer.text in {"yes", "no"}


def test_a_model_that_is_not_served_is_away(models: Models, question: Question) -> None:
    with pytest.raises(Unavailable, match="nowhere_demo"):
        models.ask(replace(question, model="nowhere_demo"))


@pytest.mark.parametrize(
    "changed",
    [
        {"guidance": Guidance(kind="telepathy", value="x")},
        {"adapter": "none-such"},
        {"parts": ("Write the report. <|image|>",)},
    ],
)
def test_what_the_model_cannot_take_is_refused_with_a_reason(
    models: Models, question: Question, changed: dict[str, object]
) -> None:
    with pytest.raises(Refused, match=r"chest_demo refused the question: .+"):
        models.ask(replace(question, **changed))  # type: ignore[arg-type]
    assert models.ask(question).finish is Finish.STOP


def test_nobody_there_is_away_and_said_so_at_once(question: Question) -> None:
    for nobody in (TritonModels("127.0.0.1:9", (MODELS,)), LocalModels("/nonexistent/engine.sock", (MODELS,))):
        assert not nobody.state().ready
        with pytest.raises(Unavailable, match="away"):
            nobody.ask(question)
