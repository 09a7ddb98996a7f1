"""Write the model's card: identity from the files as they are, limits from here, figures from the evaluation.

python card.py --version 1 --evaluation evaluation.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.folder import device_uid, digest_of, newest_version

MODEL = Path(__file__).resolve().parents[1]

CARD = """\
# Written by recipe/card.py. The digest is the SHA-256 of what `sha256sum` prints for the files of the version
# folder in the order of their names, without model.py and verify.json; the Device UID is made from the digest.
name = "chest_demo"
version = "{version}"
digest = "sha256:{digest}"
device_uid = "{device_uid}"
manufacturer = "preread"
licence = "Apache-2.0"
source = "Trained from nothing by the recipe beside it, on phantoms that the recipe renders."
intended_use = "Demonstration, trained on rendered phantoms, not for clinical use."
demo = true
# What it may take while it answers {concurrency} questions at once; more is refused, and the machine goes on.
memory_mb = 1024

[limits]
modality = ["CR", "DX"]
# Computed Radiography Image Storage, Digital X-Ray Image Storage - For Presentation
sop_class = ["1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"]
body_part = ["CHEST"]
view = ["PA", "AP"]
min_age_years = 18
max_images = {max_images}
domain_threshold = {domain_threshold}
"""


def figures(evaluation: dict[str, Any]) -> dict[str, float | int | str]:
    """Return the card's lines about an evaluation, each under the words that a reader sees."""
    shares = {
        "reports exact": evaluation["report_exact"],
        "finding and side, F1": evaluation["finding_and_side_f1"],
        "invented findings per 100 images": evaluation["invented_findings_per_100"],
        "missed findings per 100 images": evaluation["missed_findings_per_100"],
        "phantoms accepted as in the domain": evaluation["accepted_by_domain"],
        "structured form exact": evaluation["structured_exact"],
        "continued from a prefix, exact": evaluation["continued_from_prefix_exact"],
        "questions right, the worst of six": min(evaluation["questions_right"].values()),
        **{f"refused, {kind.replace('_', ' ')}": share for kind, share in evaluation["refused"].items()},
    }
    rounded = {name: round(share, 4) for name, share in shares.items()}
    return {"held-out phantoms": evaluation["phantoms"], "seed": evaluation["seed"], **rounded}


def main(argv: Sequence[str] | None = None) -> None:
    """Write card.toml; refuses figures that were measured with other files."""
    parser = argparse.ArgumentParser(description="Write card.toml.")
    parser.add_argument("--version", required=True)
    parser.add_argument("--evaluation", type=Path, help="what evaluate.py wrote; without it the card has none")
    arguments = parser.parse_args(argv)
    path = newest_version(MODEL)
    digest = digest_of(path)
    form = json.loads((path / "preread.json").read_text(encoding="utf-8"))
    card = CARD.format(
        version=arguments.version,
        digest=digest,
        device_uid=device_uid(digest),
        concurrency=4,
        max_images=form["image"]["max_images"],
        domain_threshold=form["domain"]["threshold"] if form["domain"] else 0,
    )
    if arguments.evaluation:
        evaluation = json.loads(arguments.evaluation.read_text(encoding="utf-8"))
        if evaluation["digest"] != f"sha256:{digest}":
            raise SystemExit("the evaluation is of other files")
        lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in figures(evaluation).items()]
        card += "\n[evaluation]\n" + "\n".join(lines) + "\n"
    (MODEL / "card.toml").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
