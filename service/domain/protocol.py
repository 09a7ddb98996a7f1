"""Protocol: the ordered, typed steps that a matched study goes through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

ANY_MODEL = "image-model"
"""The algorithm that asks whichever model of images its step names."""


class StepKind(StrEnum):
    """What a step does with the study (more kinds arrive with their capabilities)."""

    MEASURE = "measure"
    SEGMENT = "segment"
    CLASSIFY = "classify"
    DETECT = "detect"
    DRAFT = "draft"
    CHECK = "check"
    COMPARE = "compare"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtocolStep:
    """One step: a kind and the algorithm (a file in workers/algorithms) that does it."""

    kind: StepKind
    algorithm: str
    model: str = ""
    """Which model of the repository does it, for an algorithm that asks whichever it is told to."""
    adapter: str = ""
    """Which of its adapters the model reads with; empty for none."""
    context: tuple[str, ...] = ()
    """Fields of service.domain.context that the model is told; none by default."""
    priors: str = ""
    """Where the earlier study is looked for, for a step that compares."""

    def __str__(self) -> str:
        return " ".join(
            filter(
                None,
                (
                    self.kind,
                    self.algorithm,
                    self.model,
                    self.adapter and f"+{self.adapter}",
                    *self.context,
                    self.priors,
                ),
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """A named list of steps; every rule names one."""

    name: str
    steps: tuple[ProtocolStep, ...]

    def digest(self, *, models: tuple[str, ...], prompts: tuple[str, ...], rule_version: int) -> str:
        """SHA-256 over steps, model digests, prompt digests and the rule's version (invariant 3)."""
        steps = [str(step) for step in self.steps]
        text = repr((self.name, steps, models, prompts, rule_version))
        return hashlib.sha256(text.encode()).hexdigest()
