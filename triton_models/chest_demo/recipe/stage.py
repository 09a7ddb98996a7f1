"""One stage of the training: a part of the network, its examples, its budget, and its checkpoint."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CHECKPOINT_EVERY_S = 60.0
WARM_STEPS = 60
LAST_RATE = 0.02
"""Of the learning rate, when the budget ends; it falls to there as a cosine."""

Optimizers = Sequence[torch.optim.Optimizer]
"""Each with its highest learning rates; their parameters are those that the stage trains."""
Losing = Callable[[np.random.Generator, int], tuple[Tensor, str]]
"""A step's loss and what to print of it, from the examples that `rng` draws and the number of the step."""


@dataclass
class Stage:
    """What is trained and how far it has come."""

    name: str
    part: nn.Module
    optimizers: Optimizers
    losing: Losing
    budget_s: float
    """Processor time."""
    checkpoint: Path
    rng: np.random.Generator
    spent_s: float = 0.0
    steps: int = 0
    groups: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Go on from the checkpoint where there is one."""
        self.groups = [group for each in self.optimizers for group in each.param_groups]
        for group in self.groups:
            group["highest"] = group["lr"]
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            self.part.load_state_dict(state["part"])
            for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(kept)
            self.groups = [group for each in self.optimizers for group in each.param_groups]
            self.rng.bit_generator.state = state["rng"]
            self.spent_s, self.steps = state["spent_s"], state["steps"]

    @property
    def done(self) -> bool:
        """Whether the budget is spent."""
        return self.spent_s >= self.budget_s

    def step(self) -> tuple[float, str]:
        """Take one step; return its loss and a line about it."""
        started = time.process_time()
        share = min(1.0, self.spent_s / self.budget_s)
        falling = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * share))
        for group in self.groups:
            group["lr"] = group["highest"] * min(1.0, (self.steps + 1) / WARM_STEPS) * falling
        loss, line = self.losing(self.rng, self.steps)
        self.part.zero_grad()
        loss.backward()
        for group in self.groups:
            nn.utils.clip_grad_norm_(group["params"], 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1
        self.spent_s += time.process_time() - started
        return loss.item(), line

    def run(self) -> None:
        """Train until the budget is spent, with a checkpoint each minute."""
        self.part.train()
        saved = self.spent_s
        while not self.done:
            loss, line = self.step()
            if self.steps % 50 == 0:
                print(
                    f"{self.name} {self.steps} {self.spent_s:.0f}/{self.budget_s:.0f} s {loss:.4f} {line}", flush=True
                )
            if self.spent_s - saved > CHECKPOINT_EVERY_S:
                self.save()
                saved = self.spent_s
        self.save()

    def save(self) -> None:
        """Write the checkpoint; whoever stops the run midway keeps the one before."""
        state: dict[str, Any] = {
            "part": self.part.state_dict(),
            "optimizers": [each.state_dict() for each in self.optimizers],
            "rng": self.rng.bit_generator.state,
            "spent_s": self.spent_s,
            "steps": self.steps,
        }
        new = self.checkpoint.with_suffix(".new")
        torch.save(state, new)
        new.replace(self.checkpoint)
