"""A form that an answer must have, token by token; by llguidance, which GenAI uses for the same."""

from typing import Any

import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

from engine.contract import ContractError, Guidance
from engine.guidance import tight

GRAMMARS = {
    "json_schema": LLMatcher.grammar_from_json_schema,
    "regex": LLMatcher.grammar_from_regex,
    "lark_grammar": LLMatcher.grammar_from_lark,
}


class Constraint:
    """How far an answer has come in its form."""

    def __init__(self, tokenizer: Any, guidance: Guidance) -> None:
        """`tokenizer` is llguidance's own of the model; raises ContractError for a form that cannot be read."""
        value = tight(guidance)
        try:
            self._matcher = LLMatcher(tokenizer, GRAMMARS[guidance.kind](value), log_level=0)
        except ValueError as e:
            raise ContractError(f"guidance refused: {e}") from e
        self._check()

    def allowed(self, count: int) -> NDArray[np.bool_]:
        """Return which of `count` tokens may come next; only the end token where the form is complete."""
        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")[:count]
        self._check()
        # A model's vocabulary may be longer than its tokenizer's, for the sake of round sizes.
        return np.pad(bits.astype(bool), (0, count - len(bits)))

    def take(self, token: int) -> None:
        """Go on behind `token`."""
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ContractError(f"guidance refused: {self._matcher.get_error()}")
