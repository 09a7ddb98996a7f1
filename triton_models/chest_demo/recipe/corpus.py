"""What the model is trained on: phantoms and strangers as the engine sees them, and words about them. NumPy."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import phantom_dicom
import phantom_model
import phantom_words
from engine.folder import ImageForm, letterbox
from network import MEAN, SIDE, STD, TOKENS
from phantom_model import EFFUSION_SIZES, NODULE_MM, SIDES, ZONES, Findings

FORM = ImageForm(
    rows=SIDE,
    columns=SIDE,
    mean=MEAN,
    std=STD,
    padding=0.0,
    filter="box",
    token="<|image|>",
    tokens_per_image=TOKENS,
    max_images=1,
)
RENDER_SIDE = 256
"""Long side of the pictures the pool is made of: twice the model's, so the resizing has something to do."""
LABELS = 1 + 2 + 3 + 2 + 2 + 3 + 4

Pictures = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """One question about a picture; `given` is a prefix of the answer that the reader has already written."""

    question: str
    given: str
    answer: str


def phantoms(rng: np.random.Generator, count: int) -> tuple[Pictures, list[Findings]]:
    """Return `count` pictures (count, SIDE, SIDE) over 0..1, as the engine's letterbox gives them."""
    pictures, findings = np.empty((count, SIDE, SIDE), np.float32), []
    for at in range(count):
        phantom = phantom_model.sample(rng)
        pictures[at] = through_dicom(rng, phantom)
        findings.append(phantom.findings)
    return pictures, findings


def through_dicom(rng: np.random.Generator, phantom: phantom_model.Phantom) -> Pictures:
    """Return (SIDE, SIDE): rendered, stored, windowed and resized as a received file is."""
    detector = phantom_dicom.sample_detector(rng)
    shrink = RENDER_SIDE / max(detector.rows, detector.columns)
    grey = phantom_model.render(phantom, round(detector.rows * shrink), round(detector.columns * shrink))
    return letterbox(phantom_dicom.presented(*phantom_dicom.stored(grey, detector)), FORM)


def labels(findings: Findings) -> NDArray[np.float32]:
    """Return (LABELS,) of 0 and 1: the heart, then effusion, pneumothorax and nodule by their attributes."""
    found = np.zeros(LABELS, np.float32)
    found[0] = findings.cardiomegaly
    if effusion := findings.effusion:
        found[[1 + SIDES.index(effusion.side), 3 + EFFUSION_SIZES.index(effusion.size)]] = 1
    if findings.pneumothorax:
        found[6 + SIDES.index(findings.pneumothorax)] = 1
    if nodule := findings.nodule:
        found[[8 + SIDES.index(nodule.side), 10 + ZONES.index(nodule.zone)]] = 1
        found[13 + NODULE_MM.index(nodule.diameter_mm)] = 1
    return found


def example(rng: np.random.Generator, findings: Findings) -> Example:
    """Return a question about `findings` with its right answer."""
    kind = rng.random()
    if kind < 0.5:
        return Example(phantom_words.REPORT, "", phantom_words.report(findings))
    if kind < 0.65:
        return contradicted(rng, findings)
    if kind < 0.80:
        return Example(phantom_words.STRUCTURED, "", phantom_words.structured(findings))
    question = str(rng.choice(phantom_words.QUESTIONS))
    return Example(question, "", phantom_words.answer(question, findings))


def contradicted(rng: np.random.Generator, findings: Findings) -> Example:
    """Return a report whose beginning is somebody else's; what follows is still what the picture shows."""
    own = phantom_words.sentences(findings)
    other = phantom_words.sentences(phantom_model.sample_findings(rng))
    cut = int(rng.integers(1, len(own)))
    return Example(phantom_words.REPORT, " ".join(other[:cut]), " " + " ".join(own[cut:]))


def words(rng: np.random.Generator, count: int) -> list[str]:
    """Return text to learn the vocabulary from."""
    texts = [phantom_words.REPORT, phantom_words.STRUCTURED] * 20
    for _ in range(count):
        findings = phantom_model.sample_findings(rng)
        texts += [phantom_words.report(findings), phantom_words.structured(findings)]
        for question in phantom_words.QUESTIONS:
            texts += [question, phantom_words.answer(question, findings)]
    return texts
