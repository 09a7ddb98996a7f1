"""What the model is asked and how its answers read: instructions, sentences, schemas, questions. No dependency.

The forms are an interface: the service's algorithms read them (deploy/docs/model-contract.md names the instructions).
"""

import json
from collections.abc import Iterable, Sequence

from findings import DEPTHS, ORDER, POSITIONS, SEVERITIES, SIDES, SIZES, ZONES, Box, Finding, as_list, in_order

BINS = 160
"""Bins of a box per axis of the letterboxed square."""

REPORT = "Write the report."
STRUCTURED = "List the findings as JSON."
IMPRESSION = "Write the impression."
LABELS = "Label the report as JSON."
SECTIONS = "Split the report as JSON."
DEVICES = "List the devices as JSON."
CHANGE = "Compare with the prior as JSON."

ABSENT = {
    "cardiomegaly": "The heart size is normal.",
    "mediastinal widening": "The mediastinum is not widened.",
    "pleural effusion": "No pleural effusion.",
    "pneumothorax": "No pneumothorax.",
    "consolidation": "No consolidation.",
    "nodule": "No pulmonary nodule.",
    "rib fracture": "No rib fracture.",
    "central venous line": "No central venous line.",
    "endotracheal tube": "No endotracheal tube.",
    "emphysema": "No emphysema.",
}
DECIDED = ("The heart size", "The mediastinum is not", "The mediastinum is widened", "There is", "No", "A ", "An ")
"""How the sentences of a report begin, up to where presence is decided."""

CHEXPERT = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)
STATES = ("present", "absent", "uncertain", "not mentioned")
SECTION_NAMES = ("indication", "technique", "comparison", "findings", "impression")
DEVICE_NAMES = (
    "endotracheal tube",
    "tracheostomy",
    "central venous line",
    "port",
    "pacemaker",
    "chest tube",
    "nasogastric tube",
    "drain",
    "sternal wires",
    "valve",
    "stent",
)
DEVICE_STATES = ("present", "removed", "malpositioned")
CHANGED_NAMES = (
    "cardiomegaly",
    "mediastinal widening",
    "pleural effusion",
    "pneumothorax",
    "consolidation",
    "atelectasis",
    "edema",
    "nodule",
    "fracture",
)
CHANGES = ("new", "resolved", "improved", "worse", "stable")


def compact(value: object) -> str:
    """Return `value` as JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def context_block(**fields: str) -> str:
    """Return the line that may stand before an instruction; empty without fields."""
    return f"Context: {compact(fields)}\n" if fields else ""


def sentences(findings: Iterable[Finding], view: str) -> list[str]:
    """Return the narrative's sentences in order, `FINDINGS:` before the first, the impression last."""
    told = in_order(findings, view)
    lines: list[str] = []
    for name in ORDER[view]:
        lines += [present(finding, view) for finding in told if finding.name == name] or [ABSENT[name]]
    items = ", ".join(item(finding, view) for finding in told) or "normal study"
    return [f"FINDINGS: {lines[0]}", *lines[1:], f"IMPRESSION: {items}."]


def narrative(findings: Iterable[Finding], view: str) -> str:
    """Return the report as one line."""
    return " ".join(sentences(findings, view))


def present(finding: Finding, view: str) -> str:
    """Return the sentence of a finding that is there, with its box where it has one."""
    box = f" [{' '.join(map(str, finding.box))}]" if finding.box else ""
    return f"{_clause(finding, view)}{box}."


def _clause(finding: Finding, view: str) -> str:
    side = f"{finding.side} " if finding.side else ""
    match finding.name:
        case "cardiomegaly" | "emphysema":
            return f"There is {finding.severity} {finding.name}"
        case "mediastinal widening":
            return "The mediastinum is widened"
        case "pleural effusion" | "pneumothorax":
            return f"There is a {finding.severity} {side}{finding.name}"
        case "consolidation":
            article = "an" if finding.zone == "anterior" else "a"
            zone = {"frontal": f"{finding.zone} zone ", "lateral": f"{finding.zone} ", "ct": ""}[view]
            return f"There is {article} {side}{zone}consolidation"
        case "nodule":
            zone = {"frontal": f"{side}{finding.zone} zone", "lateral": f"{finding.zone} lung", "ct": f"{side}lung"}
            return f"There is a {finding.mm} mm nodule in the {zone[view]}"
        case "rib fracture":
            return f"There is a {side}rib fracture"
        case "central venous line":
            return f"A {side}central venous line ends in the {finding.position}"
    return f"An endotracheal tube ends {finding.mm} mm above the carina"


def item(finding: Finding, view: str) -> str:
    """Return how the impression names a finding; how large it is in millimetres stands in its sentence alone."""
    side = f"{finding.side} " if finding.side else ""
    zone = {"frontal": f"{finding.zone} zone ", "lateral": f"{finding.zone} ", "ct": ""}[view] if finding.zone else ""
    match finding.name:
        case "mediastinal widening":
            return "widened mediastinum"
        case "nodule":
            return f"{side}{zone}nodule"
        case "endotracheal tube":
            return "endotracheal tube"
    severity = f"{finding.severity} " if finding.severity else ""
    return f"{severity}{side}{zone}{finding.name}"


def structured(findings: Iterable[Finding], view: str) -> str:
    """Return the answer to STRUCTURED."""
    return compact({"view": view, "findings": as_list(in_order(findings, view))})


# --- schemas -------------------------------------------------------------------------------------------------------


def _object(properties: dict[str, object], required: Sequence[str] | None = None) -> dict[str, object]:
    must = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": must, "additionalProperties": False}


def structured_schema() -> dict[str, object]:
    """Return the schema of the answer to STRUCTURED."""
    number = {"type": "integer", "minimum": 0, "maximum": BINS - 1}
    fields: dict[str, object] = {
        "finding": {"enum": sorted(ABSENT)},
        "side": {"enum": [*SIDES]},
        "zone": {"enum": [*ZONES, *DEPTHS]},
        "severity": {"enum": [*dict.fromkeys((*SEVERITIES, *SIZES))]},
        "mm": {"type": "integer", "minimum": 1, "maximum": 200},
        "position": {"anyOf": [{"enum": [*POSITIONS]}, {"type": "string", "pattern": "^[0-9]{1,3} mm above carina$"}]},
        "box": {"type": "array", "items": number, "minItems": 4, "maxItems": 4},
    }
    listed = {"type": "array", "items": _object(fields, ["finding"]), "maxItems": 20}
    return _object({"view": {"enum": [*ORDER]}, "findings": listed})


def labels_schema() -> dict[str, object]:
    """Return the schema of the answer to LABELS."""
    return _object({label: {"enum": [*STATES]} for label in CHEXPERT})


def sections_schema() -> dict[str, object]:
    """Return the schema of the answer to SECTIONS."""
    numbers = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 99}, "maxItems": 60}
    return _object(dict.fromkeys(SECTION_NAMES, numbers))


def devices_schema() -> dict[str, object]:
    """Return the schema of the answer to DEVICES."""
    device = _object({"device": {"enum": [*DEVICE_NAMES]}, "state": {"enum": [*DEVICE_STATES]}})
    return _object({"devices": {"type": "array", "items": device, "maxItems": 20}})


def change_schema() -> dict[str, object]:
    """Return the schema of the answer to CHANGE."""
    return _object({name: {"enum": [*CHANGES]} for name in CHANGED_NAMES}, [])


SCHEMAS = {
    STRUCTURED: structured_schema,
    LABELS: labels_schema,
    SECTIONS: sections_schema,
    DEVICES: devices_schema,
    CHANGE: change_schema,
}


# --- questions about a picture -------------------------------------------------------------------------------------

ASKED = {
    "cardiomegaly": ("the heart enlarged", "cardiomegaly"),
    "mediastinal widening": ("the mediastinum widened", "mediastinal widening"),
    "pleural effusion": ("a pleural effusion", "an effusion", "pleural fluid"),
    "pneumothorax": ("a pneumothorax", "air in the pleural space"),
    "consolidation": ("a consolidation", "consolidation"),
    "nodule": ("a nodule", "a pulmonary nodule", "a lung nodule"),
    "rib fracture": ("a rib fracture", "a fracture", "a broken rib"),
    "central venous line": ("a central venous line", "a central line", "a CVC"),
    "endotracheal tube": ("an endotracheal tube", "an ETT"),
    "emphysema": ("emphysema", "signs of emphysema"),
}
SHORT = {"pleural effusion": "effusion", "cardiomegaly": "cardiomegaly", "rib fracture": "fracture"}
IS_THERE = ("Is there {}?", "Do you see {}?", "Can you see {}?", "Does the image show {}?", "Is {} present?")
WHICH_SIDE = ("Which side is the {} on?", "On which side is the {}?", "Is the {} on the right or the left?")
HOW_LARGE = ("How large is the {}?", "What size is the {}?", "How big is the {}?")
WHERE = ("Where is the {}?", "Where does the {} end?")
WHICH_VIEW = ("Which view is this?", "What kind of image is this?", "What is the view?")
VIEW_ANSWERS = {
    "frontal": "A frontal chest radiograph.",
    "lateral": "A lateral chest radiograph.",
    "ct": "An axial CT slice of the chest.",
}


def questions(view: str) -> dict[str, tuple[str, str]]:
    """Return every question that a view can be asked, with its kind (is, side, size, where, view) and finding."""
    asked: dict[str, tuple[str, str]] = dict.fromkeys(WHICH_VIEW, ("view", ""))
    for name in ABSENT:
        for thing in ASKED[name]:
            state = thing.startswith("the ")
            wordings = (f"Is {thing}?",) if state else tuple(form.format(thing) for form in IS_THERE)
            asked |= dict.fromkeys(wordings, ("is", name))
        short = SHORT.get(name, name)
        if any(name in ORDER[each] and name in SIDED for each in ORDER):
            asked |= {form.format(short): ("side", name) for form in WHICH_SIDE}
        if name in SIZED:
            asked |= {form.format(short): ("size", name) for form in HOW_LARGE}
        if name in PLACED:
            asked |= {form.format(short): ("where", name) for form in WHERE[: 2 if name in TIPPED else 1]}
    return asked


SIDED = frozenset(
    {"pleural effusion", "pneumothorax", "consolidation", "nodule", "rib fracture", "central venous line"}
)
SIZED = frozenset({"cardiomegaly", "pleural effusion", "pneumothorax", "nodule", "emphysema"})
TIPPED = frozenset({"central venous line", "endotracheal tube"})
PLACED = frozenset({"consolidation", "nodule"}) | TIPPED


def answer(question: str, findings: Iterable[Finding], view: str) -> str:
    """Return the answer to one of `questions(view)`. Raises KeyError for another one."""
    kind, name = questions(view)[question]
    if kind == "view":
        return VIEW_ANSWERS[view]
    found = [finding for finding in in_order(findings, view) if finding.name == name]
    short = SHORT.get(name, name)
    if not found:
        return "No." if kind == "is" else f"There is no {short}."
    if kind == "is":
        return f"Yes, {_listed([item(finding, view) for finding in found])}."
    if kind == "side":
        sides = [finding.side for finding in found if finding.side]
        return {0: "This view does not tell.", 1: f"The {''.join(sides[:1])}."}.get(len(sides), "Both sides.")
    if kind == "size":
        return f"{_listed([_size(finding) for finding in found])}.".capitalize()
    return f"{_listed([_where(finding, view) for finding in found])}.".capitalize()


def _size(finding: Finding) -> str:
    size = f"{finding.mm} mm" if finding.name == "nodule" else f"{finding.severity}"
    return f"{size} on the {finding.side}" if finding.side else size


def _where(finding: Finding, view: str) -> str:
    if finding.position:
        return f"in the {finding.position}"
    if finding.name == "endotracheal tube":
        return f"{finding.mm} mm above the carina"
    side = f"{finding.side} " if finding.side else ""
    kind = {"frontal": f"{finding.zone} zone", "lateral": f"{finding.zone} lung", "ct": "lung"}[view]
    return f"in the {side}{kind}"


def _listed(items: Sequence[str]) -> str:
    return " and ".join(items)


def box_of(pixels: tuple[int, int, int, int], rows: int, columns: int) -> Box:
    """Return the bins of a box in source pixels (x0, y0, x1, y1, ends inside) of a picture rows x columns.

    The inverse of the engine's letterbox (`engine/folder.py`): a bin is max(rows, columns) / BINS pixels.
    """
    scale = BINS / max(rows, columns)
    left, top = ((BINS - round(size * scale)) // 2 for size in (columns, rows))
    x0, y0, x1, y1 = pixels
    bins = (int(x0 * scale) + left, int(y0 * scale) + top, _last(x1, scale) + left, _last(y1, scale) + top)
    return tuple(min(BINS - 1, max(0, each)) for each in bins)  # type: ignore[return-value]


def _last(pixel: int, scale: float) -> int:
    """Return the bin that holds the far edge of `pixel`."""
    return -int(-(pixel + 1) * scale // 1) - 1
