"""How likely the model found the words of a statement; the card says what that is worth (Calibration)."""

from __future__ import annotations

import math

from service.ports.models import Answer


def raw(answer: Answer, start: int, end: int) -> float | None:
    """Product of the probabilities of the tokens that wrote `answer.text[start:end]`, 0..1.

    A token that reaches over an edge counts whole. None if the model did not tell its probabilities.
    """
    if "".join(piece.text for piece in answer.pieces) != answer.text:
        return None
    total, at, seen = 0.0, 0, False
    for piece in answer.pieces:
        begins, at = at, at + len(piece.text)
        if begins < end and at > start:
            total, seen = total + sum(piece.logprobs), seen or bool(piece.logprobs)
    return math.exp(min(total, 0.0)) if seen else None
