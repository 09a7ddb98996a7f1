"""Words in and out: the chat template that writes a prompt, and the tokenizer that reads and speaks.

Both engines use GenAI's tokenizer. It needs no model: `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja`
and the token numbers in `genai_config.json` are enough.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime_genai as og
from numpy.typing import NDArray

from engine.contract import ContractError, ImageRef, Part, Request
from engine.folder import ImageForm, ModelError

Tokens = NDArray[np.int32]
NO_TOKENS = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Prompt:
    """What the model is given before it writes."""

    asked: str = ""
    """As the chat template wrote it; empty where nothing was asked."""
    begun: str = ""
    """The beginning of the answer, without the blanks at its end."""
    tokens: Tokens = field(default_factory=lambda: NO_TOKENS)

    @property
    def digest(self) -> str:
        """SHA-256 of both texts."""
        return f"sha256:{hashlib.sha256((self.asked + self.begun).encode()).hexdigest()}"


class Words:
    """The tokenizer and chat template of one model."""

    def __init__(self, path: Path) -> None:
        """Read them from the version folder `path`."""
        self._tokenizer = og.Tokenizer(str(path))
        # The template writes the mark of the beginning; else it would stand twice, and before the answer's beginning.
        self._tokenizer.update_options(add_special_tokens="false")
        self._specials = _specials(path)
        self.ends = frozenset(int(token) for token in self._tokenizer.eos_token_ids)

    def prompt(self, request: Request, form: ImageForm | None) -> Prompt:
        """Return what `request` asks; raises ContractError for words that forge the tokenizer's marks."""
        asked, begun = self._asked(request.parts, form), self.begun(request)
        return Prompt(asked, begun, np.concatenate([self._encode(asked), self._encode(begun)]))

    def begun(self, request: Request) -> str:
        """Return the beginning of the answer as the model is given it."""
        return self._harmless(request.prefix).rstrip()

    def token(self, word: str) -> int:
        """Return the number of one token."""
        return int(self._tokenizer.to_token_id(word))

    def stream(self) -> Any:
        """Return what turns tokens into text one by one: `decode(token)`, "" while a character is incomplete."""
        return self._tokenizer.create_stream()

    def _asked(self, parts: Sequence[Part], form: ImageForm | None) -> str:
        """Return the prompt as the chat template writes it, each image as its tokens."""
        words = [None if isinstance(part, ImageRef) else self._harmless(part.text) for part in parts]
        if form is None or not form.mark:
            shown = form.text if form else ""
            return self._templated("".join(shown if text is None else text for text in words))
        written = self._templated([{"type": "image"} if t is None else {"type": "text", "text": t} for t in words])
        if (marks := written.count(form.mark)) != words.count(None):
            raise ModelError(f"the chat template wrote {form.mark} {marks} times for {words.count(None)} images")
        return written.replace(form.mark, form.text)

    def _templated(self, content: str | list[dict[str, str]]) -> str:
        message = json.dumps([{"role": "user", "content": content}])
        return str(self._tokenizer.apply_chat_template(message, add_generation_prompt=True))

    def _encode(self, text: str) -> Tokens:
        return np.asarray(self._tokenizer.encode(text), np.int32) if text else NO_TOKENS

    def _harmless(self, text: str) -> str:
        """Refuse words that the tokenizer would read as its own marks: they would forge turns or images."""
        for special in self._specials:
            if special in text:
                raise ContractError(f"the text contains the token {special}")
        return text


def _specials(path: Path) -> tuple[str, ...]:
    """Return the tokens that the tokenizer reads as marks and not as words."""
    added = json.loads((path / "tokenizer.json").read_text(encoding="utf-8")).get("added_tokens", [])
    return tuple(token["content"] for token in added if token["special"])
