"""Train the demonstration model from nothing: phantoms, judge of the domain, encoder, then all together.

    python train.py --out run --budget-minutes 14

Seeded, on one thread unless told otherwise. The budget is processor time, so that a busy machine gives the same
model; it holds for all stages, rendering included. A run that was stopped goes on from its checkpoint.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import corpus
import network
import numpy as np
import strangers
import tokens
import torch
import torch.nn.functional as F
from phantom_model import Findings
from tokenizers import Tokenizer
from torch import Tensor, nn

POOL = 10000
CHECKPOINT_EVERY_S = 60.0
STAGES = ("domain", "heads", "joint")
SHARE = {"domain": 0.17, "heads": 0.23, "joint": 0.60}
"""Of the budget that rendering leaves."""


@dataclass
class Run:
    """Everything that a checkpoint holds, and the data beside it."""

    pictures: Tensor
    """(POOL, SIDE, SIDE) over 0..1."""
    findings: list[Findings]
    tokenizer: Tokenizer
    reader: network.Reader
    domain: network.Domain
    rng: np.random.Generator
    spent_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    steps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    stage: str = STAGES[0]
    """The one that is trained; those before it are done."""
    optimizer: dict[str, Any] | None = None
    """The state of that stage's optimizer, where a checkpoint left one."""

    def pick(self, count: int) -> tuple[Tensor, list[Findings]]:
        """Return augmented pixels (count, 1, SIDE, SIDE) of the pool and what they show."""
        at = self.rng.integers(len(self.findings), size=count)
        return normalised(augmented(self.pictures[at], self.rng)), [self.findings[place] for place in at]


def augmented(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Return `pictures` with other exposure, contrast, noise and place, within 0..1."""
    n = len(pictures)

    def each(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, 1, 1)).astype(np.float32))

    down, across = (int(value) for value in rng.integers(-3, 4, 2))
    moved = torch.roll(pictures, (down, across), (1, 2))
    grey = (moved.clamp_min(1e-4) ** each(0.88, 1.14)) * each(0.92, 1.08) + each(-0.03, 0.03)
    noise = torch.from_numpy(rng.standard_normal(grey.shape, np.float32))
    return (grey + each(0, 0.025) * noise).clamp(0, 1)


def normalised(pictures: Tensor) -> Tensor:
    """Return (n, 1, SIDE, SIDE) as the engine feeds it."""
    pixels = ((pictures - network.MEAN) / network.STD)[:, None]
    return pixels.contiguous(memory_format=torch.channels_last)


def domain_loss(run: Run) -> tuple[Tensor, str]:
    """One step of the judge: as many phantoms as strangers."""
    half = 32
    at = run.rng.integers(len(run.findings), size=3 * half)
    plain = run.pictures[at].numpy()
    others = [strangers.stranger(run.rng, plain[half + place], plain[2 * half + place]) for place in range(half)]
    pixels = torch.cat([augmented(run.pictures[at[:half]], run.rng), torch.from_numpy(np.stack(others))])
    logits = run.domain.logits(normalised(pixels))
    wanted = torch.cat([torch.ones(half), torch.zeros(half)])
    right = ((logits > 0) == (wanted > 0)).float().mean().item()
    return F.binary_cross_entropy_with_logits(logits, wanted), f"right {right:.3f}"


def label_loss(run: Run, features: Tensor, findings: list[Findings]) -> tuple[Tensor, float]:
    """Return the loss of the heads and the share of pictures with all labels right."""
    wanted = torch.from_numpy(np.stack([corpus.labels(each) for each in findings]))
    logits = run.reader.label_logits(features)
    right = ((logits > 0) == (wanted > 0)).all(1).float().mean().item()
    return F.binary_cross_entropy_with_logits(logits, wanted), right


def heads_loss(run: Run) -> tuple[Tensor, str]:
    """One step of the encoder alone; without it the decoder learns to write without looking."""
    pixels, findings = run.pick(64)
    loss, right = label_loss(run, run.reader.encoder.features(pixels), findings)
    return loss, f"all labels right {right:.3f}"


def joint_loss(run: Run) -> tuple[Tensor, str]:
    """One step of everything but the judge."""
    pixels, findings = run.pick(24)
    batch = tokens.batch(run.tokenizer, [corpus.example(run.rng, each) for each in findings])
    features = run.reader.encoder.features(pixels)
    embedded = run.reader.embeddings(batch.tokens, run.reader.encoder.projector(features))
    hidden = run.reader.decoder.model(inputs_embeds=embedded, attention_mask=batch.mask).last_hidden_state
    # Only where something is to be written: the image tokens need no logits.
    targets = batch.targets[:, 1:]
    written = targets != tokens.IGNORED
    logits = run.reader.decoder.lm_head(hidden[:, :-1][written])
    language = F.cross_entropy(logits, targets[written])
    labels, right = label_loss(run, features, findings)
    return language + 0.5 * labels, f"words {language.item():.4f} all labels right {right:.3f}"


def groups(run: Run, stage: str) -> list[tuple[Sequence[nn.Parameter], float]]:
    """Return the parameters that a stage trains, with their learning rates."""
    reader = run.reader
    seeing = [*reader.encoder.parameters(), *reader.heads.parameters()]
    if stage == "domain":
        return [(list(run.domain.parameters()), 2e-3)]
    if stage == "heads":
        return [(seeing, 2e-3)]
    return [(seeing, 6e-4), (list(reader.decoder.parameters()), 2e-3)]


LOSSES: dict[str, Callable[[Run], tuple[Tensor, str]]] = {
    "domain": domain_loss,
    "heads": heads_loss,
    "joint": joint_loss,
}


def train_stage(run: Run, budget_s: float, checkpoint: Path) -> None:
    """Train the run's stage until its processor time is spent; the learning rate falls as a cosine over it."""
    stage = run.stage
    rates = [rate for _, rate in groups(run, stage)]
    optimizer = torch.optim.AdamW([{"params": list(some)} for some, _ in groups(run, stage)], weight_decay=0.02)
    if run.optimizer:
        optimizer.load_state_dict(run.optimizer)
    before, started, saved = run.spent_s[stage], time.process_time(), time.process_time()
    while run.spent_s[stage] < budget_s:
        done = run.spent_s[stage] / budget_s
        warm = min(1.0, (run.steps[stage] + 1) / 40)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        loss, line = LOSSES[stage](run)
        optimizer.zero_grad()
        loss.backward()
        for some, _ in groups(run, stage):
            nn.utils.clip_grad_norm_(some, 1.0)
        optimizer.step()
        run.steps[stage] += 1
        run.spent_s[stage] = before + time.process_time() - started
        if run.steps[stage] % 25 == 0:
            print(f"{stage} {run.steps[stage]} {run.spent_s[stage]:.0f}/{budget_s:.0f} s {line}", flush=True)
        if time.process_time() - saved > CHECKPOINT_EVERY_S:
            run.optimizer = optimizer.state_dict()
            save(run, checkpoint)
            saved = time.process_time()
    run.optimizer = None


def save(run: Run, file: Path) -> None:
    """Write the checkpoint; whoever stops the run midway keeps the one before."""
    state = {
        "reader": run.reader.state_dict(),
        "domain": run.domain.state_dict(),
        "tokenizer": run.tokenizer.to_str(),
        "spent_s": run.spent_s,
        "steps": run.steps,
        "rng": run.rng.bit_generator.state,
        "stage": run.stage,
        "optimizer": run.optimizer,
    }
    new = file.with_suffix(".new")
    torch.save(state, new)
    new.replace(file)


def prepare(out: Path, seed: int) -> tuple[Run, float]:
    """Return the run, fresh or as its checkpoint left it, and the seconds of rendering."""
    torch.manual_seed(seed)
    started = time.process_time()
    pictures, findings = corpus.phantoms(np.random.default_rng((seed, 1)), POOL)
    rendered_s = time.process_time() - started
    print(f"{POOL} phantoms rendered in {rendered_s:.0f} s", flush=True)
    file, rng = out / "checkpoint.pt", np.random.default_rng((seed, 2))
    state = torch.load(file, weights_only=True) if file.exists() else None
    tokenizer = Tokenizer.from_str(state["tokenizer"]) if state else tokens.learn(corpus.words(rng, 1500))
    reader = network.Reader(tokenizer.get_vocab_size(), corpus.LABELS, tokens.IMAGE)
    reader = reader.to(memory_format=torch.channels_last)
    domain = network.Domain().to(memory_format=torch.channels_last)
    run = Run(torch.from_numpy(pictures), findings, tokenizer, reader, domain, rng)
    if state:
        reader.load_state_dict(state["reader"])
        domain.load_state_dict(state["domain"])
        run.spent_s, run.steps = state["spent_s"], state["steps"]
        run.stage, run.optimizer = state["stage"], state["optimizer"]
        rng.bit_generator.state = state["rng"]
    return run, rendered_s


def main(argv: Sequence[str] | None = None) -> None:
    """Train within the budget and leave `checkpoint.pt` in the output folder."""
    parser = argparse.ArgumentParser(description="Train the demonstration model.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget-minutes", type=float, default=14.0, help="of processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    run, rendered_s = prepare(arguments.out, arguments.seed)
    for name, part in (("reader", run.reader), ("domain", run.domain)):
        print(f"{name}: {sum(each.numel() for each in part.parameters())} parameters", flush=True)
    left_s = arguments.budget_minutes * 60 - rendered_s
    checkpoint = arguments.out / "checkpoint.pt"
    for stage in STAGES[STAGES.index(run.stage) :]:
        run.stage = stage
        train_stage(run, SHARE[stage] * left_s, checkpoint)
        save(run, checkpoint)


if __name__ == "__main__":
    main()
