"""What can be in a picture: findings by view, in the order in which they are told, and combinations held out."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

SIDES = ("right", "left")
ZONES = ("upper", "middle", "lower")
DEPTHS = ("anterior", "posterior")
SEVERITIES = ("mild", "moderate", "severe")
SIZES = ("small", "moderate", "large")
POSITIONS = ("superior vena cava", "right atrium")
VIEWS = {"PA": "frontal", "AP": "frontal", "LL": "lateral", "AX": "ct"}
"""View position of the file (AX: an axial slice, whose file has none) and the view in words."""

ORDER = {
    "frontal": (
        "cardiomegaly",
        "mediastinal widening",
        "pleural effusion",
        "pneumothorax",
        "consolidation",
        "nodule",
        "rib fracture",
        "central venous line",
        "endotracheal tube",
    ),
    "lateral": ("cardiomegaly", "pleural effusion", "consolidation", "nodule"),
    "ct": ("pleural effusion", "pneumothorax", "consolidation", "nodule", "emphysema"),
}

HELD_OUT = frozenset(
    {
        frozenset({"cardiomegaly", "left pneumothorax"}),
        frozenset({"mediastinal widening", "right consolidation"}),
        frozenset({"right pleural effusion", "left nodule"}),
        frozenset({"left consolidation", "right nodule"}),
        frozenset({"endotracheal tube", "left rib fracture"}),
        frozenset({"right pneumothorax", "emphysema"}),
        frozenset({"cardiomegaly", "nodule"}),
        frozenset({"pleural effusion", "consolidation"}),
    }
)
"""Pairs that no training picture shows together; the evaluation draws pictures that do. The last two: lateral views."""

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in bins of the letterboxed square, both ends inside."""


@dataclass(frozen=True)
class Finding:
    """One finding as a reader tells it; what does not apply is None."""

    name: str
    side: str | None = None
    zone: str | None = None
    """upper, middle, lower; in a lateral view anterior, posterior."""
    severity: str | None = None
    mm: int | None = None
    """Diameter of a nodule; of an endotracheal tube how far its tip is above the carina."""
    position: str | None = None
    box: Box | None = None

    @property
    def place(self) -> str:
        """Its name with its side."""
        return f"{self.side} {self.name}" if self.side else self.name


def in_order(findings: Iterable[Finding], view: str) -> tuple[Finding, ...]:
    """Return `findings` as they are told: by name, then right before left, then top to bottom."""

    def rank(finding: Finding) -> tuple[int, int, int]:
        side = SIDES.index(finding.side) if finding.side else 0
        return ORDER[view].index(finding.name), side, finding.box[1] if finding.box else 0

    return tuple(sorted(findings, key=rank))


def held_out(findings: Iterable[Finding]) -> bool:
    """Return whether two of `findings` are a pair that training never shows together."""
    places = sorted({finding.place for finding in findings})
    return any(frozenset(pair) in HELD_OUT for pair in combinations(places, 2))


def as_list(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """Return the findings for the structured form and for `truth.json`, fields in the order of the form."""
    return [_fields(finding) for finding in findings]


def from_list(found: list[dict[str, object]]) -> tuple[Finding, ...]:
    """Return the findings that `as_list` wrote. Raises TypeError or KeyError for another form."""
    return tuple(_finding(dict(entry)) for entry in found)


def _finding(entry: dict[str, object]) -> Finding:
    box, name = entry.pop("box", None), entry.pop("finding")
    if name == "endotracheal tube":
        entry["mm"] = int(str(entry.pop("position")).split()[0])
    return Finding(name=name, box=tuple(box) if box else None, **entry)  # type: ignore[arg-type]


def _fields(finding: Finding) -> dict[str, object]:
    tube = finding.name == "endotracheal tube"
    fields = {
        "finding": finding.name,
        "side": finding.side,
        "zone": finding.zone,
        "severity": finding.severity,
        "mm": None if tube else finding.mm,
        "position": f"{finding.mm} mm above carina" if tube else finding.position,
        "box": list(finding.box) if finding.box else None,
    }
    return {name: value for name, value in fields.items() if value is not None}
