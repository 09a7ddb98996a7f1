"""Protocol: the ordered, typed steps that a matched study goes through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class StepKind(StrEnum):
    """What a step does with the study (more kinds arrive with their capabilities)."""

    MEASURE = "measure"
    SEGMENT = "segment"
    CLASSIFY = "classify"
    DRAFT = "draft"
    CHECK = "check"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtocolStep:
    """One step: a kind and the algorithm (a file in workers/algorithms) that does it."""

    kind: StepKind
    algorithm: str
    context: tuple[str, ...] = ()
    """Fields of service.domain.context that the model is told; none by default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """A named list of steps; every rule names one."""

    name: str
    steps: tuple[ProtocolStep, ...]

    def digest(self, *, models: tuple[str, ...], prompts: tuple[str, ...], rule_version: int) -> str:
        """SHA-256 over steps, model digests, prompt digests and the rule's version (invariant 3)."""
        steps = [" ".join((step.kind, step.algorithm, *step.context)) for step in self.steps]
        text = repr((self.name, steps, models, prompts, rule_version))
        return hashlib.sha256(text.encode()).hexdigest()
