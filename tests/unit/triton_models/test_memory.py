"""How large a model's answers are, by its folder: the engine, the exporter and the card say the same."""

from __future__ import annotations

import json
from pathlib import Path

from service.adapters.answer_memory import answer_memory
from service.adapters.cards import read_card
from tests.unit.triton_models.by_path import ROOT, engine, importable

DEMO = ROOT / "chest_demo"
TOKEN = 2 * 4 * 2 * 32 * 4
"""Keys and values of 4 layers with 2 heads of 32 numbers of 4 bytes."""

importable(ROOT)


def test_the_demo_models_answers_are_counted_alike_everywhere() -> None:
    config = json.loads((DEMO / "1" / "genai_config.json").read_text())["model"]
    assert engine("memory").cache_bytes(config) == TOKEN
    found = read_card(DEMO).answers
    assert found is not None
    assert (found.at_once, found.tokens, found.bytes) == (8, 1024, 8 * 1024 * TOKEN)
    assert found.words == "16 for 8 of 1024 tokens"


def test_a_card_that_names_no_memory_gets_some_for_its_answers() -> None:
    from export import card

    assert card.answers_mb(DEMO / "1") == 8 * 2048 * TOKEN >> 20


def test_answers_at_once_are_those_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "config.pbtxt").write_text(
        (DEMO / "config.pbtxt").read_text().replace('"concurrency" value: { string_value: "8"',
                                                    '"concurrency" value: { string_value: "3"')
    )  # fmt: skip
    found = answer_memory(tmp_path, DEMO / "1")
    assert found is not None
    assert found.at_once == 3
    assert answer_memory(tmp_path, tmp_path) is None, "a folder that does not say"


def test_what_is_left_for_answers_is_what_loading_did_not_take() -> None:
    memory = engine("memory")
    before_mb = memory.resident_mb()
    left_mb = memory.left_mb("tiny", 500, since_mb=before_mb - 100)
    assert 350 < left_mb <= 401
    assert memory.left_mb("tiny", 0, since_mb=before_mb) is None
