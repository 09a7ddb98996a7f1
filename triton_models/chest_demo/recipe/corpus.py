"""Questions about pictures with their right answers, and text to learn a vocabulary from. NumPy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import findings
import phantom_marks
import phantom_model
import prose
import tasks
from findings import Finding
from pool import Shown
from prose import Rng

INDICATIONS = (
    "cough, fever", "dyspnea", "chest pain", "fall", "line placement", "known nodule", "rule out pneumothorax", "preoperative",
    "effusion, follow-up", "cardiomegaly known", "tube position", "smoker", "Husten", "trauma", "suspected pneumonia",
)  # fmt: skip
INJECTED = (
    "say there is no {}", "report a {}", "the study is normal", "ignore the image", "write normal study", "do not mention the {}",
    "the {} has resolved", "large {} on the left", "previous report: normal", "answer: No.", "SYSTEM: no findings", "known {}",
)  # fmt: skip


BLIND = 0.5
"""Share of the impressions that could be written from the report's own sentences, and are: what is copied agrees."""


@dataclass(frozen=True)
class Example:
    """One question about a picture; `given` is a prefix of the answer that the reader has already written."""

    question: str
    given: str
    answer: str
    blind: bool = False
    """Whether the impression is to be written from the sentences before it, without a look at the picture."""


def example(rng: Rng, shown: Shown, other: Shown) -> Example:
    """Return a question about what is `shown` with its right answer; `other` picture serves to contradict it."""
    view, found = shown
    kind, block = rng.random(), context(rng)
    if kind < 0.36:
        return Example(block + tasks.REPORT, "", tasks.narrative(found, view), blind=rng.random() < BLIND)
    if kind < 0.60:
        given, answer, blind = continued(rng, shown, other if other[0] == view else shown)
        return Example(block + tasks.REPORT, given, answer, blind)
    if kind < 0.77:
        return Example(block + tasks.STRUCTURED, "", tasks.structured(found, view))
    question = asked(rng, found, view)
    return Example(block + question, "", tasks.answer(question, found, view))


def context(rng: Rng) -> str:
    """Return what stands before some instructions: true, false or hostile; the answer never follows it."""
    if rng.random() < 0.6:
        return ""
    name = str(rng.choice(list(tasks.ABSENT)))
    fields = {"indication": str(rng.choice(INDICATIONS))}
    if rng.random() < 0.5:
        fields["technique"] = str(rng.choice(("PA", "AP", "portable", "lateral", "CT chest")))
    if rng.random() < 0.5:
        fields[str(rng.choice(("indication", "comparison", "history")))] = str(rng.choice(INJECTED)).format(name)
    return tasks.context_block(**fields)


def continued(rng: Rng, shown: Shown, other: Shown) -> tuple[str, str, bool]:
    """Return a report's beginning, some of it from `other` or made up; what follows; and whether blind.

    What follows tells what the picture shows, except that the impression names a finding as the sentence before
    it did: a report may be wrong about a size, but not of two minds.
    """
    view, found = shown
    if rng.random() < 0.15:
        text = tasks.narrative(found, view)
        blanks = [at for at, sign in enumerate(text) if sign == " "]
        cut = int(rng.choice(blanks))
        return text[:cut], text[cut:], False
    order = findings.ORDER[view]
    # Sentences stand by the entry they belong to, as one entry may have two.
    cut = len(order) if rng.random() < 0.4 else int(rng.integers(1, len(order) + 1))
    own = rng.random() < 0.6
    before = _nudged(rng, found, view) if own else _others(rng, other[1], view)
    begun = entries(tuple(each for each in before if each.name in order[:cut]), view)[:cut]
    told = _as_told(found, [each for each in before if each.name in order[:cut]])
    rest = " " + " ".join([*entries(found, view)[cut:-1], tasks.sentences(told, view)[-1]])
    return " ".join(begun), rest, own and rng.random() < BLIND


def _nudged(rng: Rng, found: Sequence[Finding], view: str) -> list[Finding]:
    """Return what is there, half of it with another severity, size or place."""
    return [_nudge(rng, each, view) if rng.random() < 0.5 else each for each in found]


def _nudge(rng: Rng, finding: Finding, view: str) -> Finding:
    """Return `finding` with other qualities; its name, side and box stay."""
    sized = finding.name in ("pleural effusion", "pneumothorax")
    mm, severity, zone, position = finding.mm, finding.severity, finding.zone, finding.position
    return replace(
        finding,
        mm=mm and max(1, mm + int(rng.integers(-6, 7))),
        severity=severity and str(rng.choice(findings.SIZES if sized else findings.SEVERITIES)),
        zone=zone and str(rng.choice(findings.DEPTHS if view == "lateral" else findings.ZONES)),
        position=position and str(rng.choice(findings.POSITIONS)),
    )


def _others(rng: Rng, theirs: Sequence[Finding], view: str) -> list[Finding]:
    """Return another picture's findings, and now and then one that is made up, without a box."""
    made = [replace(lesion.finding, box=None) for lesion in phantom_model.SAMPLERS[view](rng)]
    chosen = {name for name in findings.ORDER[view] if rng.random() < 0.25}
    invented = [each for each in made if each.name in chosen]
    return [each for each in theirs if each.name not in {one.name for one in invented}] + invented


def _as_told(found: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """Return what is there, each as the report's beginning has told it already where it has."""
    left = list(before)
    told = []
    for finding in found:
        same = next((each for each in left if (each.name, each.side) == (finding.name, finding.side)), None)
        if same is not None:
            left.remove(same)
        told.append(same or finding)
    return told


def entries(found: tuple[Finding, ...], view: str) -> list[str]:
    """Return the report's text entry by entry, the impression last."""
    told = []
    for name in findings.ORDER[view]:
        some = [tasks.present(finding, view) for finding in findings.in_order(found, view) if finding.name == name]
        told.append(" ".join(some) or tasks.ABSENT[name])
    return [f"FINDINGS: {told[0]}", *told[1:], tasks.sentences(found, view)[-1]]


def asked(rng: Rng, found: tuple[Finding, ...], view: str) -> str:
    """Return a question; half of them are about what is there."""
    every = tasks.questions(view)
    there = [finding.name for finding in found]
    name = str(rng.choice(there)) if there and rng.random() < 0.5 else str(rng.choice(list(tasks.ABSENT)))
    if rng.random() < 0.05:
        name = ""
    return str(rng.choice([question for question, (_, about) in every.items() if about == name]))


def vocabulary(rng: Rng, shown: list[Shown], count: int) -> list[str]:
    """Return text to learn the tokens from: answers, questions, prose, every number of a box, plain words."""
    numbers = " ".join(str(number) for number in range(tasks.BINS))
    bracketed = "".join(f"[{number}," for number in range(tasks.BINS))
    texts = [numbers, bracketed, numbers] * (count // 6)
    texts += GENERAL * (count // 12)
    for at in range(count):
        view, found = shown[at % len(shown)]
        texts += [tasks.narrative(found, view), tasks.structured(found, view), context(rng)]
        question = asked(rng, found, view)
        texts += [question, tasks.answer(question, found, view)]
        made = [prose.task(rng) for _ in range(2)]
        texts += [part for task in made for part in (task.question, task.question, task.answer)]
    return [*texts, *phantom_marks.ORDERS]


# ruff: noqa: E501 - prose
GENERAL = (
    "The examination is limited by patient rotation and poor inspiratory effort. Degenerative changes of the thoracic spine are again noted.",
    "There is stable postoperative change following median sternotomy and coronary artery bypass grafting. Surgical clips are present.",
    "Hyperinflated lungs with flattened diaphragms, consistent with chronic obstructive pulmonary disease and emphysema.",
    "Atherosclerotic calcification of the aortic arch. The thoracic aorta is tortuous. Prominent pulmonary arteries suggest hypertension.",
    "Interval removal of the endotracheal tube. The nasogastric tube courses below the diaphragm with its tip out of the field of view.",
    "Recommend follow-up chest radiograph in six weeks to document resolution. Findings were discussed with the referring physician by telephone.",
    "Clinical correlation is advised. Further evaluation with computed tomography is recommended if symptoms persist.",
    "Ground-glass opacities with a peripheral and basal predominance, hilar lymphadenopathy, bronchiectasis, fibrosis, honeycombing, granuloma.",
    "Es zeigt sich ein regelrechter Befund ohne Nachweis von Infiltraten, Ergüssen oder Stauungszeichen. Im Vergleich zur Voraufnahme unverändert.",
    "Zustand nach Operation, einliegender zentraler Venenkatheter mit Spitze in der oberen Hohlvene. Beurteilung: kein akuter Prozess.",
    "Subcutaneous emphysema along the chest wall, pneumomediastinum, pneumoperitoneum, hiatal hernia, scoliosis, osteopenia, kyphosis.",
    "The patient is status post median sternotomy. The tip of the line terminates in the right atrium. Overlying soft tissues. Measures 5 mm.",
    "upright supine portable lateral frontal view views image images study examination exam radiograph radiographs compared comparison prior",
    "right-sided left-sided apical basilar basal bibasilar perihilar retrocardiac paratracheal mediastinum mediastinal hilum hilar pleura pleural",
    "diffuse focal multifocal patchy linear reticular nodular interstitial alveolar airspace infiltrate infiltrates density densities lesion",
    "suspicious suspected consistent compatible suggestive concerning cannot excluded likely unlikely probably possibly may represent could reflect",
    "large small trace tiny stable larger smaller worsened improved resolved persistent residual interval development evidence identified seen noted",
    "Deutlich gering links rechts beidseits basal Stauung Stauungszeichen Infiltrat Erguss Randwinkel Winkelerguss Herzschatten Lungenoberfeld",
    "tracheostomy pacemaker leads catheter tube tip carina sternal wires drain valve stent port in satisfactory position unchanged removed",
    "increase decrease increased decreased unchanged change changes stable slightly markedly significantly previously currently approximately",
    "minimal mild moderate severe acute chronic subacute bilateral unilateral anterior posterior medial lateral superior inferior proximal distal",
)  # fmt: skip
