"""The demo model, and a random one of text, in both engines: each answer alone in GenAI, and all in one batch."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from tests.support import scripted_model, tiny_decoder
from tests.support.installation import REPOSITORY
from tests.unit.triton_models.by_path import ROOT, engine

pytestmark = pytest.mark.e2e

contract, engines, folder, genai = engine("contract"), engine("engines"), engine("folder"), engine("genai")
turns = engine("turns")

MODEL = ROOT / "chest_demo"
BEGUN = ("", "FINDINGS: The heart", "FINDINGS: The heart size is normal. No", "FINDINGS: There is a large left")
TEXTS = ("Write the impression.\nReport: There is a small right pleural effusion.", "Is there a nodule? 1 2 3")
AT_ONCE = 8


@pytest.fixture(scope="module")
def requests() -> list[Any]:
    """Questions about a phantom, and about its halves, with several beginnings; and of text alone."""
    pixels = dcmread(REPOSITORY / "deploy" / "examples" / "chest" / "phantom.dcm").pixel_array.astype(np.float64)
    whole = (np.clip(pixels / pixels.max(), 0, 1) * 65535).astype(np.uint16)
    shown = contract.ImageRef(0, "frontal"), contract.Text("Write the report.")
    asked = [
        contract.Request(shown, (image,), prefix=begun, max_tokens=120)
        for image in (whole, whole[:, ::-1].copy(), (whole * 0.8).astype(np.uint16))
        for begun in BEGUN
    ]
    return asked + [contract.Request((contract.Text(text),), max_tokens=60) for text in TEXTS]


def told(loaded: Any, request: Any) -> tuple[list[int], list[float], str]:
    """The tokens of an answer, their log-probabilities, and why it ended."""
    chunks = list(loaded.generate(request))
    tokens = [token for chunk in chunks for token in chunk.tokens]
    return tokens, [value for chunk in chunks for value in chunk.logprobs], chunks[-1].finish


def test_answers_of_a_batch_are_those_of_each_alone_in_the_other_engine(requests: list[Any]) -> None:
    alone, together = genai.Engine(folder.read_folder(MODEL), threads=1), engines.load(MODEL)
    assert together.together, "the demo model's decoder can share a batch"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda request: told(together, request), requests))
    for request, (tokens, logprobs, finish) in zip(requests, found, strict=True):
        wanted = told(alone, request)
        assert (tokens, finish) == (wanted[0], wanted[2])
        np.testing.assert_allclose(logprobs, wanted[1], atol=1e-3)
    assert sum(len(tokens) for tokens, _, _ in found) > 200


def test_prompts_with_images_that_are_read_in_pieces_are_answered_as_whole_ones(requests: list[Any]) -> None:
    heard = list[int]()
    loaded = engines.load(MODEL, moved=lambda: heard.append(1))
    assert loaded.piece == 512, "a report's question is one piece"
    asked = [*requests[:3], requests[-1]]
    wanted = [told(loaded, request) for request in asked]
    assert len(heard) == len(asked)
    loaded.piece = 23
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda request: told(loaded, request), asked))
    for (tokens, logprobs, finish), one in zip(found, wanted, strict=True):
        assert (tokens, finish) == (one[0], one[2])
        np.testing.assert_allclose(logprobs, one[1], atol=1e-3)
    assert len(heard) > 4 * len(asked), "whoever watches hears of each piece"


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of text with a random decoder that can do all that the common batch needs."""
    script = scripted_model.Script(answers=["a"], images=False, engine="")
    model = scripted_model.write(tmp_path_factory.mktemp("models"), "texts", script)
    tiny_decoder.in_place_of(model, words=scripted_model.VOCABULARY)
    return model


def test_long_prompts_around_the_ends_of_pieces_are_answered_alike_in_both_engines(texts: Path) -> None:
    plain = engines.load(texts, unverified=True)
    alone = genai.Engine(folder.read_folder(texts, unverified=True), threads=1)
    alone.tried()
    assert (plain.together, alone.together) == (True, False)
    for loaded in (plain, alone):
        asked, whole = list[Any](), list[Any]()
        for words in (1, 5, 6, 7, 40):
            request = contract.Request((contract.Text("a b " * words),), max_tokens=6)
            asked.append(request)
            loaded.piece = 0
            whole.append(told(loaded, request))
            length = list(loaded.generate(request))[-1].usage["prompt_tokens"]
            for piece in (length - 1, length, length + 1, 7):
                loaded.piece = piece
                tokens, logprobs, finish = told(loaded, request)
                assert (tokens, finish) == (whole[-1][0], whole[-1][2])
                np.testing.assert_allclose(logprobs, whole[-1][1], atol=1e-3)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert [one[0] for one in pool.map(partial(told, loaded), asked)] == [one[0] for one in whole]


@pytest.mark.parametrize("ends", ["cancelled", "deadline"])
def test_a_stat_question_is_answered_while_a_long_routine_prompt_is_read_which_then_ends_in_its_middle(
    texts: Path, ends: str
) -> None:
    read, begun, over = list[int](), threading.Event(), threading.Event()

    def moved() -> None:
        read.append(1)
        begun.set()

    loaded = engines.load(texts, unverified=True, moved=moved)
    loaded.piece = 1
    routine = contract.Request((contract.Text("a b " * 700),), max_tokens=6, priority=2)
    stat = contract.Request((contract.Text("c"),), max_tokens=6, priority=0)
    wanted = told(loaded, stat)
    begun.clear()
    read.clear()
    stop = turns.stopper(over.is_set, None)
    if ends == "deadline":
        stop = turns.stopper(lambda: False, 0.0, now=lambda: float(over.is_set()))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: list(loaded.generate(routine, stop)))
        assert begun.wait(5)
        assert told(loaded, stat)[0] == wanted[0]
        assert not waiting.done()
        over.set()
        (last,) = waiting.result(5)
    assert (last.finish, last.usage["completion_tokens"]) == (ends, 0)
    assert len(read) < last.usage["prompt_tokens"], "it was not read to its end"
    assert loaded._room.taken == 0, "its memory is given back"


def test_a_decoder_that_cannot_go_on_within_a_prompt_reads_it_in_one_piece_and_says_so(tmp_path: Path) -> None:
    script = scripted_model.Script(answers=["a b c"], images=False, engine="")
    model = scripted_model.write(tmp_path, "counting", script)
    loaded = engines.load(model)
    assert loaded.piece == 0, "each step of the script counts, whatever was read in it"
    assert "read in one piece" in loaded.told()
    tiny_decoder.in_place_of(model, words=scripted_model.VOCABULARY, goes_on=False)
    loaded = engines.load(model, unverified=True)
    assert (loaded.together, loaded.piece) == (True, 0)


def test_an_answer_that_the_card_leaves_no_memory_for_is_refused_with_the_remedy(texts: Path) -> None:
    loaded = engines.load(texts, unverified=True)
    loaded._room._most_mb = 0.1
    few = contract.Request((contract.Text("a"),), max_tokens=6)
    many = contract.Request((contract.Text("a"),), max_tokens=4000)
    with pytest.raises(contract.ContractError, match=r"takes 1 MB and the card of texts leaves 0 .*raise memory_mb"):
        told(loaded, many)
    assert told(loaded, few)[2] == "length"
    assert loaded._room.taken == 0
