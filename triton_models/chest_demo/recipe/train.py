"""Train the demonstration model from nothing: pictures, judge of the domain, encoder, then reading pictures and text.

    python train.py --out run

Seeded, two processes of one thread each. The budget is processor time, so that a busy machine gives the same model; it
holds for everything, rendering included. A run that was stopped goes on from the checkpoints in `run`.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import corpus
import findings
import network
import numpy as np
import pool
import prose
import sight
import slots
import strangers
import tokens
import torch
import torch.nn.functional as F
from pool import Pool
from stage import Losing, Optimizers, Stage
from tokenizers import Tokenizer
from torch import Tensor, nn

PICTURES = 16000
SHARES = {"domain": 0.09, "heads": 0.32, "reading": 0.59}
"""Of the budget that rendering leaves. Heads: without them the decoder learns to write without looking."""
ABREAST = ("heads", "domain")
"""Stages that need nothing of each other, each in a process of its own; then `reading`."""
SEEING_BATCH, PICTURE_BATCH, TEXT_BATCH = 32, 3, 6
"""Small where the decoder learns: it is steps that it wants, not examples per step."""
QUESTIONS = 4
"""Asked of each picture at once: most of a prompt is the picture."""
LOOKED_AT = 100
"""Pictures at once."""


class Sight(nn.Module):
    """What the stage `heads` trains."""

    def __init__(self, encoder: network.Encoder | None = None, heads: network.Heads | None = None) -> None:
        super().__init__()
        self.encoder = encoder or network.Encoder()
        self.heads = heads or network.Heads()


def pick(pictures: Pool, rng: np.random.Generator, count: int) -> tuple[Tensor, list[pool.Shown]]:
    """Return pixels (count, 1, SIDE, SIDE) of the pool, each changed a little, and what they show."""
    at = rng.integers(len(pictures.shown), size=count)
    grey, shown = sight.moved(pictures.pictures[at], [pictures.shown[place] for place in at], rng)
    return sight.normalised(sight.exposed(grey, rng)), shown


def heads_loss(part: Sight, pictures: Pool, rng: np.random.Generator, step: int) -> tuple[Tensor, str]:
    """One step of the encoder alone."""
    pixels, shown = pick(pictures, rng, SEEING_BATCH)
    with torch.autocast("cpu", torch.bfloat16):
        seen, _ = sight.look(part, pixels, shown)
    return seen.loss, str(seen)


def domain_loss(judge: network.Domain, pictures: Pool, rng: np.random.Generator, step: int) -> tuple[Tensor, str]:
    """One step of the judge: as many phantoms as strangers."""
    half = 24
    at = rng.integers(len(pictures.shown), size=3 * half)
    plain = pictures.pictures[at[half:]].astype(np.float32) / 255
    others = [strangers.stranger(rng, *pair) for pair in zip(plain[:half], plain[half:], strict=True)]
    own, _ = sight.moved(pictures.pictures[at[:half]], [pictures.shown[place] for place in at[:half]], rng)
    pixels = torch.cat([sight.exposed(own, rng), torch.from_numpy(np.stack(others).astype(np.float32))])
    with torch.autocast("cpu", torch.bfloat16):
        logits = judge.logits(sight.normalised(pixels)).float()
    wanted = torch.cat([torch.ones(half), torch.zeros(half)])
    right = ((logits > 0) == (wanted > 0)).float().mean().item()
    return F.binary_cross_entropy_with_logits(logits, wanted), f"right {right:.3f}"


class Reading:
    """The loss of the stage that writes: of questions about pictures, as the encoder has seen them, and about text."""

    def __init__(self, reader: network.Reader, tokenizer: Tokenizer, seen: "Seen") -> None:
        self.reader, self.tokenizer, self.seen = reader, tokenizer, seen
        self.near, self.share = tokens.neighbours(tokenizer)

    def loss(self, rng: np.random.Generator, step: int) -> tuple[Tensor, str]:
        """One step: seven of pictures, then one of text."""
        return self._text_loss(rng) if step % 8 == 7 else self._pictures_loss(rng)

    def _text_loss(self, rng: np.random.Generator) -> tuple[Tensor, str]:
        """Return the loss of one kind of text task."""
        makers, shares = zip(*prose.TASKS, strict=True)
        maker = makers[int(rng.choice(len(makers), p=shares))]
        batch = tokens.text_batch(self.tokenizer, [prose.task(rng, maker) for _ in range(TEXT_BATCH)])
        embedded = self.reader.decoder.model.embed_tokens(batch.tokens)
        loss = self._written(embedded, batch, soft=False)
        return loss, f"{maker.__name__} {loss.item():.4f}"

    def _pictures_loss(self, rng: np.random.Generator) -> tuple[Tensor, str]:
        """Return the loss of several questions about each of some pictures."""
        shown = self.seen.shown
        at = rng.integers(len(shown), size=(2, PICTURE_BATCH))
        asked = [[corpus.example(rng, shown[one], shown[other]) for _ in range(QUESTIONS)] for one, other in at.T]
        batch = tokens.picture_batch(self.tokenizer, asked)
        projected = self.reader.project(self.seen.slots[at[0]].float())
        loss = self._written(self.reader.embeddings(batch.tokens, projected), batch, soft=True)
        return loss, f"pictures {loss.item():.4f}"

    def _written(self, embedded: Tensor, batch: tokens.Batch, *, soft: bool) -> Tensor:
        """Return the loss of what is to be written; `soft`: a number beside the right one is nearly right."""
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.reader.decoder.model(
                inputs_embeds=embedded, attention_mask=batch.seen, position_ids=batch.positions, use_cache=False
            ).last_hidden_state
            targets = batch.targets[:, 1:]
            written = targets != tokens.IGNORED
            # Only where something is to be written: the prompt needs no logits.
            logits = self.reader.decoder.lm_head(hidden[:, :-1][written])
        if not soft:
            return F.cross_entropy(logits.float(), targets[written])
        wanted = targets[written]
        told = F.log_softmax(logits.float(), -1).gather(1, self.near[wanted])
        return -(told * self.share[wanted]).sum(1).mean()


def stage(name: str, out: Path, seed: int, budget_s: float) -> Stage:
    """Return the stage `name`, fresh or as its checkpoint left it; `budget_s` is of the whole run."""
    torch.manual_seed(seed)
    pictures = pool.make(out / "pool", seed, PICTURES, 1)
    part, optimizers, losing = PARTS[name](out, seed, pictures)
    left_s = SHARES[name] * (budget_s - pictures.rendered_s)
    rng = np.random.default_rng((seed, 2, list(SHARES).index(name)))
    return Stage(name, part, optimizers, losing, left_s, out / f"{name}.pt", rng)


Parts = tuple[nn.Module, Optimizers, Losing]


def adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return what suits everything that is no hidden matrix."""
    return torch.optim.AdamW(list(parameters), lr=2e-3, weight_decay=0.02)


def muon(decoder: nn.Module) -> Optimizers:
    """Return Muon (Jordan, 2024) for the decoder's hidden matrices, and Adam for the rest."""
    hidden = {name for name, each in decoder.named_parameters() if each.ndim == 2 and "embed" not in name}
    matrices = [each for name, each in decoder.named_parameters() if name in hidden]
    rest = [each for name, each in decoder.named_parameters() if name not in hidden]
    return torch.optim.Muon(matrices, lr=3e-3, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"), adam(rest)


def _heads(out: Path, seed: int, pictures: Pool) -> Parts:
    part = Sight().to(memory_format=torch.channels_last)
    return part, [adam(part.parameters())], partial(heads_loss, part, pictures)


def _domain(out: Path, seed: int, pictures: Pool) -> Parts:
    part = network.Domain().to(memory_format=torch.channels_last)
    return part, [adam(part.parameters())], partial(domain_loss, part, pictures)


@dataclass(frozen=True)
class Seen:
    """What the encoder, trained and at rest, makes of the pool; looked at once, as it changes no more."""

    slots: Tensor
    """(n, slots + FREE, WIDTH) before the projector, in half precision."""
    shown: list[pool.Shown]


@torch.no_grad()
def see(encoder: network.Encoder, pictures: Pool, rng: np.random.Generator) -> Seen:
    """Return what the encoder sees in each picture, changed a little as it was while it learnt."""
    encoder.eval()
    kept, told = [], []
    for start in range(0, len(pictures.shown), LOOKED_AT):
        part = slice(start, start + LOOKED_AT)
        grey, shown = sight.moved(pictures.pictures[part], pictures.shown[part], rng)
        with torch.autocast("cpu", torch.bfloat16):
            kept.append(encoder.look(sight.normalised(sight.exposed(grey, rng)))[1].half())
        told += shown
    return Seen(torch.cat(kept), told)


@torch.no_grad()
def name_slots(reader: network.Reader, tokenizer: Tokenizer) -> None:
    """Let each slot be called what the report calls it, and so its severities and places; numbers by their slot."""
    table, projector = reader.decoder.model.embed_tokens.weight, reader.encoder.projector

    def named(words: str) -> Tensor:
        found = table[tokenizer.encode(f" {words}").ids].sum(0)
        return found / found.std()

    names = [named(name) for name in slots.NAMES]
    free = len(names) + network.FREE
    projector.which[0, : len(names)] = torch.stack(names)
    ends = torch.randn(5, network.WIDTH)
    projector.which[0, free:] = torch.stack([0.5 * (names[slot] + ends[end]) for slot, end in slots.NUMBERS])
    qualities = [named(f"{one} {other}") for one, other in zip(findings.SEVERITIES, findings.SIZES, strict=True)]
    projector.told.weight[:, 1:] = torch.stack([*qualities, *map(named, slots.PLACES)], 1)


def _reading(out: Path, seed: int, pictures: Pool) -> Parts:
    tokenizer = vocabulary(out, seed, pictures)
    reader = network.Reader(tokenizer.get_vocab_size(), tokens.IMAGE).to(memory_format=torch.channels_last)
    # Shown the mask in full, the plain form of attention is the faster one on a CPU.
    reader.decoder.set_attn_implementation("eager")
    Sight(reader.encoder, reader.heads).load_state_dict(torch.load(out / "heads.pt", weights_only=True)["part"])
    with torch.no_grad():
        tokens.order_numbers(tokenizer, reader.decoder.model.embed_tokens.weight)
    name_slots(reader, tokenizer)
    seen = see(reader.encoder, pictures, np.random.default_rng((seed, 4)))
    optimizers = [adam(reader.encoder.projector.parameters()), *muon(reader.decoder)]
    return reader, optimizers, Reading(reader, tokenizer, seen).loss


PARTS = {"heads": _heads, "domain": _domain, "reading": _reading}


def vocabulary(out: Path, seed: int, pictures: Pool) -> Tokenizer:
    """Return the tokenizer, learnt once and kept."""
    file = out / "tokenizer.json"
    if not file.exists():
        texts = corpus.vocabulary(np.random.default_rng((seed, 3)), pictures.shown, 1500)
        tokens.learn(texts).save(str(file))
    return Tokenizer.from_file(str(file))


def train(out: Path, names: Sequence[str], seed: int, budget_s: float) -> None:
    """Run some stages one after another in this process."""
    torch.set_num_threads(1)
    for name in names:
        made = stage(name, out, seed, budget_s)
        print(f"{name}: {sum(each.numel() for each in made.part.parameters())} parameters", flush=True)
        made.run()


def main(argv: Sequence[str] | None = None) -> None:
    """Train within the budget and leave the stages' checkpoints in the output folder."""
    parser = argparse.ArgumentParser(description="Train the demonstration model.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget-minutes", type=float, default=39.0, help="of processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", nargs="*", choices=SHARES, help="only these, in this process")
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    budget_s = arguments.budget_minutes * 60
    if arguments.stages:
        train(arguments.out, arguments.stages, arguments.seed, budget_s)
        return
    started = time.monotonic()
    pictures = pool.make(arguments.out / "pool", arguments.seed, PICTURES, 2)
    print(f"{len(pictures.shown)} phantoms rendered in {pictures.rendered_s:.0f} s", flush=True)
    again = [sys.executable, __file__, "--out", str(arguments.out), "--seed", str(arguments.seed)]
    again += ["--budget-minutes", str(arguments.budget_minutes), "--stages"]
    running = [subprocess.Popen([*again, name]) for name in ABREAST]
    if max(each.wait() for each in running):
        raise SystemExit("a stage failed (see above)")
    train(arguments.out, ["reading"], arguments.seed, budget_s)
    print(f"done in {(time.monotonic() - started) / 60:.0f} minutes", flush=True)


if __name__ == "__main__":
    main()
