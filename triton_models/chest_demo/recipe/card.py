"""Write the model's card: identity from the files as they are, limits from here, figures from what measured them.

python card.py --version 1 --calibration calibration.json --evaluation evaluation.json
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
modality = ["CR", "DX", "CT"]
# Computed Radiography Image Storage, Digital X-Ray Image Storage - For Presentation, CT Image Storage
sop_class = ["1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2"]
body_part = ["CHEST"]
# Of radiographs: a CT slice has none.
view = ["PA", "AP", "LL"]
min_age_years = 18
max_images = {max_images}
domain_threshold = {domain_threshold}

# What it can be asked about one image beside its report: these questions, of these findings, in the words that it was
# trained on. Its answers are right as often as "questions right" says below.
[questions]
max_tokens = 48

[questions.is]
"cardiomegaly" = "Is the heart enlarged?"
"mediastinal widening" = "Is the mediastinum widened?"
"pleural effusion" = "Is there a pleural effusion?"
"pneumothorax" = "Is there a pneumothorax?"
"consolidation" = "Is there a consolidation?"
"nodule" = "Is there a nodule?"
"fracture" = "Is there a rib fracture?"
"central venous line" = "Is there a central venous line?"
"endotracheal tube" = "Is there an endotracheal tube?"
"emphysema" = "Is there emphysema?"

[questions.side]
"pleural effusion" = "Which side is the effusion on?"
"pneumothorax" = "Which side is the pneumothorax on?"
"consolidation" = "Which side is the consolidation on?"
"nodule" = "Which side is the nodule on?"
"fracture" = "Which side is the fracture on?"
"central venous line" = "Which side is the central venous line on?"

[questions.size]
"cardiomegaly" = "How large is the cardiomegaly?"
"pleural effusion" = "How large is the effusion?"
"pneumothorax" = "How large is the pneumothorax?"
"nodule" = "How large is the nodule?"
"emphysema" = "How large is the emphysema?"

[questions.where]
"consolidation" = "Where is the consolidation?"
"nodule" = "Where is the nodule?"
"central venous line" = "Where does the central venous line end?"
"endotracheal tube" = "Where does the endotracheal tube end?"
"""


def figures(evaluation: dict[str, Any]) -> dict[str, float | int | str]:
    """Return the card's lines about an evaluation, each under the words that a reader sees."""
    seed = evaluation["seed"]
    lines: dict[str, float | int | str] = {
        "seed": seed,
        "command": evaluation["command"],
    }
    for part, words in (("seen", ""), ("unseen", ", combinations never seen in training")):
        lines |= {f"{name}{words}": value for name, value in _pictures(evaluation[part]).items()}
    for view, of_view in evaluation["seen"]["by_view"].items():
        lines |= {f"finding and side, F1, {view}": of_view["f1"], f"report exact, {view}": of_view["exact"]}
    for kind, right in evaluation["seen"]["questions_right"].items():
        lines[f"questions right, {kind}"] = right
    lines |= {f"refused, {_plain(kind)}": share for kind, share in evaluation["domain"]["refused"].items()}
    lines |= {_plain(name): value for name, value in evaluation["completion"].items()}
    lines |= {_plain(name): value for name, value in evaluation["orders"].items()}
    text = {name: value for name, value in evaluation["text"].items() if name != "labels"}
    lines |= {f"own prose, exact, {_plain(name)}": value for name, value in text.items()}
    lines |= {f"own prose, labels, {_plain(name)}": value for name, value in evaluation["text"]["labels"].items()}
    lines |= {"guided answers": evaluation["guided"]["answers"], "guided answers valid": evaluation["guided"]["valid"]}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in lines.items()}


def _pictures(part: dict[str, Any]) -> dict[str, float | int]:
    named = {
        "pictures": "cases",
        "finding and side, F1": "f1",
        "report exact (sizes within 2 mm, boxes aside)": "exact",
        "impression agrees with the sentences": "impression_agrees_with_findings",
        "box, mean intersection over union": "box_iou",
        "invented findings per 100 pictures": "invented_per_100",
        "missed findings per 100 pictures": "missed_per_100",
        "severity right": "severity",
        "size, mean error in mm": "mm_error",
        "expected calibration error": "calibration_error",
        "structured form exact": "structured_exact",
        "accepted as in the domain": "accepted_by_domain",
    }
    return {words: part[name] for words, name in named.items()}


def _plain(name: str) -> str:
    return name.removesuffix("_task").replace("_", " ")


def calibration_lines(table: dict[str, Any]) -> str:
    """Return the card's table of how certainty is calibrated."""
    lines = ["\n# Platt's scaling of a sentence's raw probability: sigmoid(a * logit(p) + b); recipe/calibrate.py.",
             f"[calibration]\na = {table['a']}\nb = {table['b']}"]  # fmt: skip
    for name, pair in table["findings"].items():
        lines.append(f"\n[calibration.findings.{json.dumps(name)}]\na = {pair['a']}\nb = {pair['b']}")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Write card.toml; refuses figures that were measured with other files."""
    parser = argparse.ArgumentParser(description="Write card.toml.")
    parser.add_argument("--version", required=True)
    parser.add_argument("--calibration", type=Path, help="what calibrate.py wrote; without it the card has none")
    parser.add_argument("--evaluation", type=Path, help="what evaluate.py wrote; without it the card has none")
    arguments = parser.parse_args(argv)
    path = newest_version(MODEL)
    digest = digest_of(path)
    form = json.loads((path / "preread.json").read_text(encoding="utf-8"))
    card = CARD.format(
        version=arguments.version,
        digest=digest,
        device_uid=device_uid(digest),
        concurrency=8,
        max_images=form["image"]["max_images"],
        domain_threshold=form["domain"]["threshold"] if form["domain"] else 0,
    )
    if arguments.calibration:
        card += calibration_lines(_measured(arguments.calibration, digest))
    if arguments.evaluation:
        evaluation = _measured(arguments.evaluation, digest)
        lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in figures(evaluation).items()]
        card += "\n[evaluation]\n" + "\n".join(lines) + "\n"
    (MODEL / "card.toml").write_text(card, encoding="utf-8")


def _measured(file: Path, digest: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if figures["digest"] != f"sha256:{digest}":
        raise SystemExit(f"{file.name} is of other files: measure these")
    return figures


if __name__ == "__main__":
    main()
