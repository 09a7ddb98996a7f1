"""A small run of the whole recipe with its checks; the test of the recipe starts it.

    python rehearse.py --out folder

Each part of the recipe is trained for seconds: enough to see that it learns, resumes, and exports what it learnt.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import export
import numpy as np
import pool
import torch
import train

PICTURES = 750
SECONDS = {"heads": 75.0, "domain": 4.0, "reading": 14.0}
PROMPTS = 12
BETTER = 0.93
"""The labels' loss, as a share of the loss of somebody who knows only how frequent each finding is."""


def guessing(pictures: pool.Pool) -> float:
    """Return the labels' loss of one who guesses by frequency."""
    present = train.sight.slots.targets(pictures.shown).present
    share = present.mean(0).clip(1e-6, 1 - 1e-6)
    return float(-(share * np.log(share) + (1 - share) * np.log(1 - share)).mean())


def learns(pictures: pool.Pool, part: train.Sight) -> None:
    """Check that the encoder sees more than frequencies tell. Raises SystemExit."""
    with torch.no_grad():
        pixels = train.sight.normalised(torch.from_numpy(pictures.pictures).float() / 255)
        told, _ = train.sight.look(part.eval(), pixels, pictures.shown)
    chance, found = guessing(pictures), told.labels.item()
    print(f"labels: loss {found:.4f}, guessing {chance:.4f}, boxes {told.overlap:.3f}", flush=True)
    if found > BETTER * chance:
        raise SystemExit("the encoder did not learn to see")


def resumes(out: Path, name: str) -> None:
    """Check that a stage read from its checkpoint takes the same next step. Raises SystemExit."""
    losses = []
    for _ in range(2):
        torch.manual_seed(1)
        again = train.stage(name, out, 0, 1e6)
        again.part.train()
        losses.append(again.step()[0])
    print(f"{name} resumed: {losses[0]:.6f} and {losses[1]:.6f}", flush=True)
    if again.steps < 2 or losses[0] != losses[1]:
        raise SystemExit(f"{name} does not go on where it stopped")


def main(argv: Sequence[str] | None = None) -> None:
    """Run all stages and say "rehearsed" where all is well."""
    parser = argparse.ArgumentParser(description="Rehearse the recipe on a small budget.")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    out: Path = arguments.out
    torch.set_num_threads(1)
    train.PICTURES = PICTURES
    for name, budget_s in SECONDS.items():
        made = train.stage(name, out, 0, 1e6)
        made.budget_s = budget_s
        made.run()
        if name == "heads":
            learns(pool.make(out / "pool", 7, 250, 1), made.part)
        resumes(out, name)
    (out / "1").mkdir(exist_ok=True)
    export.main(["--run", str(out), "--out", str(out / "1"), "--prompts", str(PROMPTS)])
    print("rehearsed")


if __name__ == "__main__":
    main()
