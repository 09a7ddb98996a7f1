"""Reports that nobody dictated, and what is true of them: for the tasks that read text alone. No dependency but NumPy.

Each function returns an instruction's text and its right answer. All variety is drawn from `rng`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import prose_words as words
import tasks
from prose_words import ABSENT, PRESENT, UNCERTAIN

Rng = np.random.Generator

LABELLED = {
    "mediastinal widening": "Enlarged Cardiomediastinum",
    "cardiomegaly": "Cardiomegaly",
    "opacity": "Lung Opacity",
    "nodule": "Lung Lesion",
    "edema": "Edema",
    "consolidation": "Consolidation",
    "pneumonia": "Pneumonia",
    "atelectasis": "Atelectasis",
    "pneumothorax": "Pneumothorax",
    "pleural effusion": "Pleural Effusion",
    "pleural other": "Pleural Other",
    "fracture": "Fracture",
}
CHANGING = tuple(words.CHANGED_THINGS)
INNERMOST = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Task:
    """A question about text, and its answer."""

    question: str
    answer: str


@dataclass
class Prose:
    """Sentences with the state of each observation and device that they speak of."""

    sentences: list[str]
    states: dict[str, str]
    devices: dict[str, str]
    german: bool = False


def wording(rng: Rng, template: str) -> str:
    """Return `template` with one wording chosen for each group of alternatives."""
    while group := INNERMOST.search(template):
        options = group[1].split("|")
        template = template[: group.start()] + options[rng.integers(len(options))] + template[group.end() :]
    return template


def filled(rng: Rng, template: str) -> str:
    """Return a sentence: wordings chosen, sides, sizes and lobes filled in, blanks tidied, first letter large."""
    text = wording(rng, template)
    text = text.replace("SIDE", _pick(rng, words.SIDES_ENGLISH)).replace("LOBE", _pick(rng, words.LOBES))
    text = text.replace("SIZE", _pick(rng, words.SIZES_ENGLISH)).replace("MM", str(rng.integers(3, 45)))
    text = text.replace("Nth", f"{rng.integers(3, 12)}th").replace("N.", f"{rng.integers(3, 12)}.").replace("_", "")
    text = re.sub(r" +", " ", text).replace(" .", ".").replace(" ,", ",").strip()
    return text[:1].upper() + text[1:]


def _pick(rng: Rng, options: tuple[str, ...] | list[str]) -> str:
    return options[rng.integers(len(options))]


def compose(rng: Rng, german: bool | None = None) -> Prose:
    """Return the findings of a report."""
    german = bool(rng.random() < 0.12) if german is None else german
    prose = Prose([], {}, {}, german)
    table = words.GERMAN if german else words.ENGLISH
    weights = _pick_weights(rng)
    if not german and rng.random() < 0.35:
        _composite(rng, prose)
    if not german and rng.random() < 0.45:
        _negated_list(rng, prose)
    for name in rng.permutation(list(LABELLED)):
        state = _pick(rng, weights)
        if state and str(name) not in prose.states:
            prose.states[str(name)] = state
            prose.sentences.append(filled(rng, _pick(rng, table[str(name)][state])))
    if rng.random() < 0.35:
        _add_devices(rng, prose, int(rng.integers(1, 4)))
    for _ in range(rng.integers(0, 3)):
        neutral = words.NEUTRAL_GERMAN if german else words.NEUTRAL
        prose.sentences.append(filled(rng, _pick(rng, neutral)))
    if not _abnormal(prose) and rng.random() < 0.6:
        prose.sentences.append(filled(rng, _pick(rng, words.NORMAL_GERMAN if german else words.NORMAL)))
    prose.sentences = [prose.sentences[at] for at in rng.permutation(len(prose.sentences))] or ["Unremarkable."]
    return prose


def _pick_weights(rng: Rng) -> list[str]:
    """Return states to draw from; an empty one is not mentioned. Some reports are normal, some long, some short."""
    kind = rng.random()
    if kind < 0.2:
        return [ABSENT, ABSENT, ABSENT, ""]
    if kind < 0.35:
        return [ABSENT, "", "", ""]
    return [PRESENT, PRESENT, ABSENT, ABSENT, UNCERTAIN, "", "", "", ""]


def _composite(rng: Rng, prose: Prose) -> None:
    template, states = words.COMPOSITE[rng.integers(len(words.COMPOSITE))]
    prose.sentences.append(filled(rng, template))
    prose.states |= states


def _negated_list(rng: Rng, prose: Prose) -> None:
    """Add "No effusion, consolidation or pneumothorax." and the like."""
    free = [name for name in words.NEGATED_NAMES if name not in prose.states]
    names = [str(name) for name in rng.permutation(free)[: rng.integers(2, 5)]]
    if len(names) < 2:
        return
    told = [_pick(rng, words.NEGATED_NAMES[name]) for name in names]
    joint = _pick(rng, (" or ", ", or ", " nor ", " and "))
    opening = wording(rng, words.NO)
    prose.sentences.append(f"{opening} {', '.join(told[:-1])}{joint}{told[-1]}.")
    prose.states |= dict.fromkeys(names, ABSENT)


def _add_devices(rng: Rng, prose: Prose, count: int) -> None:
    for name in rng.permutation(list(words.DEVICES))[:count]:
        state = _pick(rng, ("present", "present", "present", "removed", "malpositioned"))
        thing = _pick(rng, words.DEVICES[str(name)])
        sentence = filled(rng, _pick(rng, words.DEVICE_SAID[state]).replace("THING", "%"))
        sentence = sentence.replace("%", thing)
        prose.sentences.append(sentence[:1].upper() + sentence[1:])
        prose.devices[str(name)] = state


def _abnormal(prose: Prose) -> bool:
    return any(state in (PRESENT, UNCERTAIN) for state in prose.states.values())


# --- labels --------------------------------------------------------------------------------------------------------


def labels(prose: Prose) -> dict[str, str]:
    """Return the 14 labels of CheXpert; No Finding is present where nothing else but devices is."""
    found = {LABELLED[name]: state for name, state in prose.states.items()}
    if prose.devices:
        there = any(state != "removed" for state in prose.devices.values())
        found["Support Devices"] = "present" if there else "absent"
    if not _abnormal(prose):
        found["No Finding"] = "present"
    return {label: found.get(label, "not mentioned") for label in tasks.CHEXPERT}


def label_task(rng: Rng) -> Task:
    """Return the task to label a report."""
    prose = compose(rng)
    return _task(tasks.LABELS, dressed(rng, prose), tasks.compact(labels(prose)))


def devices_task(rng: Rng) -> Task:
    """Return the task to list devices; some reports have none."""
    prose = compose(rng)
    if not prose.devices and rng.random() < 0.8:
        _add_devices(rng, prose, int(rng.integers(1, 4)))
    elif not prose.devices and rng.random() < 0.4:
        prose.sentences.append(filled(rng, _pick(rng, words.NO_DEVICES)))
    shown = [sentence for sentence in prose.sentences if rng.random() < 0.8 or _speaks_of_device(sentence)]
    prose.sentences = [shown[at] for at in rng.permutation(len(shown))] or ["Unremarkable."]
    listed = [{"device": name, "state": prose.devices[name]} for name in tasks.DEVICE_NAMES if name in prose.devices]
    return _task(tasks.DEVICES, dressed(rng, prose), tasks.compact({"devices": listed}))


def _speaks_of_device(sentence: str) -> bool:
    return any(thing.lower() in sentence.lower() for things in words.DEVICES.values() for thing in things)


# --- impression ----------------------------------------------------------------------------------------------------


def impression_task(rng: Rng) -> Task:
    """Return the task to sum up findings: what is there, then what may be there."""
    prose = compose(rng, german=False)
    named = [name for name in LABELLED if prose.states.get(name) == PRESENT]
    perhaps = [name for name in LABELLED if prose.states.get(name) == UNCERTAIN]
    told = [f"{_called(name).capitalize()}." for name in named] + [f"Possible {_called(name)}." for name in perhaps]
    moved = [name for name, state in prose.devices.items() if state == "malpositioned"]
    told += [f"Malpositioned {name}." for name in tasks.DEVICE_NAMES if name in moved]
    text = " ".join(prose.sentences)
    if rng.random() < 0.6:
        text = f"{_pick(rng, words.HEADERS['findings'][:6])} {text}"
    return _task(tasks.IMPRESSION, text, " ".join(told) or "No acute cardiopulmonary abnormality.")


def _called(name: str) -> str:
    return {"opacity": "lung opacity", "edema": "pulmonary edema", "pleural other": "pleural thickening"}.get(
        name, name
    )


# --- sections ------------------------------------------------------------------------------------------------------


def sections_task(rng: Rng) -> Task:
    """Return the task to split a report with numbered lines."""
    prose = compose(rng)
    lines: list[tuple[str, str]] = []
    for section in tasks.SECTION_NAMES:
        if rng.random() < {"findings": 0.96, "impression": 0.85}.get(section, 0.6):
            lines += [(section, line) for line in _section(rng, section, prose)]
    if rng.random() < 0.12:
        lines.append(
            ("impression", _pick(rng, ("ADDENDUM: ", "Addendum: ", "Nachtrag: ")) + _pick(rng, prose.sentences))
        )
    lines = lines or [("findings", prose.sentences[0])]
    text = "\n".join(f"{number} {line}" for number, (_, line) in enumerate(lines, 1))
    split = {name: [number for number, (at, _) in enumerate(lines, 1) if at == name] for name in tasks.SECTION_NAMES}
    return _task(tasks.SECTIONS, text, tasks.compact(split))


def _section(rng: Rng, section: str, prose: Prose) -> list[str]:
    if section in words.FRONT:
        body = [filled(rng, _pick(rng, words.FRONT[section]))]
    elif section == "findings":
        body = list(prose.sentences)
    else:
        body = _conclusion(rng, prose)
    grouped = _grouped(rng, body)
    if section == "impression" and rng.random() < 0.35:
        grouped = [f"{number}. {line}" for number, line in enumerate(grouped, 1)]
    bare = section == "findings" and rng.random() < 0.1
    if bare:
        return grouped
    header = _pick(rng, words.HEADERS[section])
    if section == "impression":
        header = _pick(rng, words.HEADERS[section][:11])
    return [header, *grouped] if rng.random() < 0.35 else [f"{header} {grouped[0]}", *grouped[1:]]


def _conclusion(rng: Rng, prose: Prose) -> list[str]:
    table = words.GERMAN if prose.german else words.ENGLISH
    said = [
        filled(rng, _pick(rng, table[name][state]))
        for name, state in prose.states.items()
        if state != ABSENT and rng.random() < 0.7
    ]
    normal = words.NORMAL_GERMAN if prose.german else words.NORMAL
    return said[:4] or [filled(rng, _pick(rng, normal))]


def _grouped(rng: Rng, sentences: list[str]) -> list[str]:
    """Return the sentences as lines: one each, several together, or broken anywhere."""
    kind = rng.random()
    if kind < 0.4:
        return sentences
    size = int(rng.integers(2, 4))
    lines = [" ".join(sentences[at : at + size]) for at in range(0, len(sentences), size)]
    if kind < 0.75:
        return lines
    all_words = " ".join(sentences).split()
    wide = int(rng.integers(7, 14))
    return [" ".join(all_words[at : at + wide]) for at in range(0, len(all_words), wide)]


# --- change --------------------------------------------------------------------------------------------------------

GRADES = ("tiny", "small", "moderate", "large")


def change_task(rng: Rng) -> Task:
    """Return the task to compare a report with its prior."""
    german = bool(rng.random() < 0.1)
    now, before, changed = [], [], {}
    names = [str(name) for name in rng.permutation(CHANGING)]
    for name in names[: rng.integers(1, 5)]:
        change = _pick(rng, tasks.CHANGES)
        sentence, prior = _changed(rng, name, change, german)
        now.append(sentence)
        before += [prior] if prior else []
        changed[name] = change
    table = words.GERMAN if german else words.ENGLISH
    for name in names[5 : 5 + rng.integers(0, 4)]:
        now += [filled(rng, _pick(rng, table[name][ABSENT]))] if rng.random() < 0.7 else []
        before += [filled(rng, _pick(rng, table[name][ABSENT]))] if rng.random() < 0.7 else []
    now = [now[at] for at in rng.permutation(len(now))]
    before = [before[at] for at in rng.permutation(len(before))] or [filled(rng, _pick(rng, words.NORMAL))]
    answer = {name: changed[name] for name in tasks.CHANGED_NAMES if name in changed}
    texts = f"{' '.join(now)}\nPrior: {' '.join(before)}"
    return _task(tasks.CHANGE, texts, tasks.compact(answer))


def _changed(rng: Rng, name: str, change: str, german: bool) -> tuple[str, str]:
    """Return the sentence of now and that of before, empty where nothing was said."""
    table = (words.GERMAN if german else words.ENGLISH)[name]
    was = (
        ""
        if change == "new" and rng.random() < 0.5
        else filled(rng, _pick(rng, table[ABSENT if change == "new" else PRESENT]))
    )
    silent = rng.random() < 0.4
    if change == "new" and silent:
        return filled(rng, _pick(rng, table[PRESENT])), was
    if change == "resolved" and silent:
        return filled(rng, _pick(rng, table[ABSENT])), was
    if change in ("improved", "worse") and name in ("pleural effusion", "pneumothorax") and rng.random() < 0.4:
        return _graded(rng, name, change)
    if german:
        told = _pick(rng, words.CHANGED_GERMAN[change]).replace("NAME", words.CHANGED_THINGS_GERMAN[name])
        return filled(rng, told), was
    thing = _pick(rng, words.CHANGED_THINGS[name])
    return filled(rng, _pick(rng, words.CHANGED[change]).replace("NAME", thing)), was


def _graded(rng: Rng, name: str, change: str) -> tuple[str, str]:
    """Return two sentences whose sizes alone tell the change."""
    low = int(rng.integers(len(GRADES) - 1))
    high = int(rng.integers(low + 1, len(GRADES)))
    before, now = (high, low) if change == "improved" else (low, high)
    side = _pick(rng, ("right", "left"))
    forms = (f"There is a % {side} {name}.", f"% {side} {name}.", f"Again seen is a % {side} {name}.")
    told = [_pick(rng, forms).replace("%", GRADES[grade]) for grade in (now, before)]
    return tuple(text[:1].upper() + text[1:] for text in told)  # type: ignore[return-value]


# --- how it is written ---------------------------------------------------------------------------------------------


def dressed(rng: Rng, prose: Prose) -> str:
    """Return the sentences as a report: plain, or with headers, an indication, and an impression."""
    body = " ".join(prose.sentences)
    if rng.random() < 0.45:
        return body
    gap = _pick(rng, (" ", "\n", "\n\n", "  "))
    parts = []
    for section in ("indication", "technique", "comparison"):
        if rng.random() < 0.45:
            parts.append(f"{_pick(rng, words.HEADERS[section])} {filled(rng, _pick(rng, words.FRONT[section]))}")
    if rng.random() < 0.5 and len(prose.sentences) > 1:
        cut = int(rng.integers(1, len(prose.sentences)))
        parts.append(f"{_pick(rng, words.HEADERS['findings'])} {' '.join(prose.sentences[:cut])}")
        parts.append(f"{_pick(rng, words.HEADERS['impression'])} {' '.join(prose.sentences[cut:])}")
    else:
        parts.append(f"{_pick(rng, words.HEADERS['findings'])} {body}")
    return gap.join(parts)


def _task(instruction: str, text: str, answer: str) -> Task:
    return Task(f"{instruction}\nReport: {text}", answer)


def misspelt(rng: Rng, text: str) -> str:
    """Return `text` with the slips of a hurried writer: letters swapped, lost, doubled; all large or all small."""
    kind = rng.random()
    if kind < 0.04:
        return text.upper()
    if kind < 0.08:
        return text.lower()
    if kind > 0.22:
        return text
    letters = list(text)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(1, max(2, len(letters) - 2)))
        if at + 1 < len(letters) and letters[at].isalpha() and letters[at + 1].isalpha():
            slip = rng.integers(3)
            letters[at : at + 2] = (letters[at + 1], letters[at]) if slip == 0 else letters[at : at + 1] * int(slip)
    return "".join(letters)


TASKS = (
    (label_task, 0.30),
    (devices_task, 0.16),
    (impression_task, 0.16),
    (sections_task, 0.18),
    (change_task, 0.20),
)


def task(rng: Rng, maker: Callable[[Rng], Task] | None = None) -> Task:
    """Return one task about text, of the kind that `maker` makes."""
    if maker is None:
        makers, shares = zip(*TASKS, strict=True)
        maker = makers[int(rng.choice(len(makers), p=shares))]
    made = maker(rng)
    head, text = made.question.split("\nReport: ", 1)
    if head != tasks.SECTIONS:
        report, mark, prior = text.partition("\nPrior: ")
        text = misspelt(rng, report) + mark + (misspelt(rng, prior) if mark else "")
    return Task(f"{head}\nReport: {text}", made.answer)
