"""What a model's answers take of its memory when as many as it writes at once fill its context."""

from __future__ import annotations

import json
import re
from pathlib import Path

from service.domain.algorithm import AnswerMemory

NUMBER = 4
"""Bytes of a number in the cache, on the CPU."""
AT_ONCE = 8
"""Answers at once where config.pbtxt names no other number."""
CONCURRENCY = re.compile(r'"concurrency"\s+value:\s*\{\s*string_value:\s*"(\d+)"')


def answer_memory(folder: Path, version: Path) -> AnswerMemory | None:
    """Read it from the model in `folder`; None where its configuration does not say.

    A token has a key and a value in each layer and each of its heads for them (deploy/docs/model-contract.md).
    """
    try:
        model = json.loads((version / "genai_config.json").read_text(encoding="utf-8"))["model"]
        decoder, tokens = model["decoder"], int(model["context_length"])
        numbers = 2 * decoder["num_hidden_layers"] * decoder["num_key_value_heads"] * decoder["head_size"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    at_once = _at_once(folder / "config.pbtxt")
    return AnswerMemory(at_once=at_once, tokens=tokens, bytes=int(at_once * tokens * numbers * NUMBER))


def _at_once(config: Path) -> int:
    try:
        found = CONCURRENCY.search(config.read_text(encoding="utf-8"))
    except OSError:
        return AT_ONCE
    return int(found[1]) if found else AT_ONCE
