"""Devices: tubes, lines, drains and implants that a report names, each in place, misplaced, removed or denied (C11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from service.domain.prose.reading import Reading
from service.domain.prose.sections import Part
from service.domain.prose.span import Span, clauses


class State(StrEnum):
    PRESENT = "present"
    MALPOSITIONED = "malpositioned"  #: to be moved, replaced or removed, a broken or kinked one included
    REMOVED = "removed"
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """One device, named once."""

    name: str
    state: State
    span: Span
    sentence: Span


_WORDS = {
    "endotracheal tube": r"endotracheal(?: tube)?|ett\b(?: tube)?|et[- ]tube|(?-i:ET\b)|e\.t\. tube|intubation"
    r"|(?<!nasogastric )tubus\w*|tubusspitze",
    "tracheostomy": r"tracheostom\w+(?: tube| cannula)?|tracheal cannula|trachealkanüle",
    "central venous line": r"central (?:venous )?(?:line|catheter)s?|cvc\b|cvl\b|\w*zvk\w*|picc\w*"
    r"|(?:subclavian|jugular|ij|femoral|dialysis"
    r"|umbilical(?: venous| arterial)?|swan[- ]ganz|pulmonary artery|tunnel\w+|hickman|vascath)(?: (?:venous"
    r"|central))* (?:line|catheter)s?"
    r"|swan[- ]ganz|pulmonary artery catheter|(?:subclavian|jugular|ij) (?:cvc|vein catheter)|shaldon\w*"
    r"|dialysekatheter|vascath",
    "port": r"port[- ]?a?[- ]?cath\w*|portacath|mediport|\w*portkatheter|\w*portsystem|port (?:catheter|system)"
    r"|(?:chest|wall) port|(?<!side )(?<!side-)port\b(?! of)",
    "pacemaker": r"pacemaker\w*|pacing (?:lead|wire|device|system)s?|\bppm\b|icd\b|aicd|defibrillator\w*"
    r"|schrittmacher\w*|cardiac device|pulse generator|leads\b"
    r"|\w*aggregat\b|(?:atrial|ventricular|rv|pacer?) leads?|pacer\b",
    "chest tube": r"(?:chest|pleural|thoracostomy|intercostal) (?:tube|drain|catheter)s?|thorax?drainage\w*"
    r"|\bicc\b|\bicd tube|bülau\w*"
    r"|pleural pigtail|pigtail(?: catheter| drain(?:age)?)?|(?-i:CTs?)(?= to (?:wall|water|suction))|pleuradrainage\w*"
    r"|thorakostomie",
    "nasogastric tube": r"naso-?gastric(?: tube)?|oro-?gastric tube|enteric tube|feeding tube"
    r"|dobh?off(?: tube)?|ngt?\b(?: tube)?|ogt\b|og tube"
    r"|\w*magensonde\w*|ernährungssonde",
    "drain": r"(?:mediastinal|abdominal|surgical|subhepatic|biliary|percutaneous|pericardial) drains?"
    r"|drains?\b(?! (?:into|to|via|in)\b)"
    r"|jp drain|mediastinaldrainage\w*"
    r"|drainage (?:catheter|tube)s?|(?<!\w)(?-i:Drainagen?\b)(?! (?:will|is|would|may|should|of|recommended))"
    r"|zieldrainage",
    "sternal wires": r"(?:sternal|sternotomy|median sternotomy) (?:wires?|cerclage\w*|sutures)|sternotomy wires"
    r"|wires\b|sternalcerclage\w*"
    r"|drahtcerclage\w*|cerclagen",
    "valve": r"(?:prosthetic|mechanical|artificial|aortic|mitral|bioprosthetic|tavr"
    r"|tavi)(?: \w+)? valve(?: prosthesis| replacement)?"
    r"|valve (?:prosthesis|replacement)|\w*klappenersatz|\w*klappenprothese|tavi\b|tavr\b",
    "stent": r"(?:\w+-)?stents?\b|stent-?grafts?|endograft|double[- ]j",
    "other device": r"(?:spinal|orthopa?edic) (?:hardware|fixation)|prosthes\w+"
    r"|(?<!peritoneal )(?<!pleural )(?<!no )implants?\b|loop recorder"
    r"|balloon pump|iabp|ecmo\w*"
    r"|lvad|impella|tubes? (?:and|or) lines?|lines? (?:and|or) tubes?|support devices?|catheters?|lines\s*:",
}  # fmt: skip
_TERMS = {name: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) for name, words in _WORDS.items()}
_VALVE_SAFE = re.compile(r"valve (?:calcif|sten|insuff|regurg|disease)\w*", re.IGNORECASE)

_MOVE = re.compile(
    r"malposition\w*|mal-?positioned|misplaced|(?:must|should|needs? to|to) be (?:\w+ )?(?:withdrawn|retracted"
    r"|advanced|repositioned|removed"
    r"|replaced|pulled|used)|(?:re-?position|withdraw(?!n)|retract|advance|pull)\w* (?:by|it|the|back"
    r"|recommended|\d)|(?:withdrawal|retraction"
    r"|repositioning|advancement|replacement|removal)(?: by)?[^.]{0,25}(?:recommended|advised|suggested|needed"
    r"|required)"
    r"|recommend\w* (?:\w+ ){0,2}(?:withdraw\w*|retract\w*|reposition\w*|advanc\w*|remov\w*|replac\w*)|kink\w*"
    r"|fractured lead|broken"
    r"|(?:in|into|within) the (?:\w+ )?(?:right|left|lower lobe|main)(?: \w+){0,3} (?:main ?stem|bronchus)"
    r"|main ?stem (?:bronch\w* )?(?:intubation|position)"
    r"|(?:right|left) main ?stem|(?:loop|coil)(?:s|ed|ing)? (?:in|within|upon) (?:the )?(?:pharynx|esophagus"
    r"|hypopharynx|mouth|chest|itself)"
    r"|too (?:low|high|deep|far)|at the (?:level of the )?carina\b|fehllage\w*|zu tief|zu hoch|korrektur"
    r"|zurückziehen|repositionier\w*"
    r"|dislo[ck]\w*|not (?:be )?used|outside (?:of )?the|low ett|extrapleural|lage\s?korrektur|side ?(?:hole"
    r"|port)s? (?:\w+ )*(?:outside|above|proximal)"
    r"|retract \d|umgeschlagen|abgeknickt",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"(?:(?:has|have) been|was|were|been|is|are|now|interval|after|since) (?:\w+ )?(?:removed|withdrawn"
    r"|extubated|taken out|explanted|discontinued)"
    r"|removal of|removed\b|taken out|extubat\w+|entfernt\w*|gezogen|\bex\b|zustand nach entfernung"
    r"|no longer (?:seen|present|in)|explantiert",
    re.IGNORECASE,
)
_NONE = re.compile(r"\b(?:no|none|without|never had|kein\w*|ohne|absent)\b", re.IGNORECASE)
_BESIDE = re.compile(
    r"\b(?:after|following|post|since|with|near|along|due|from|related|despite|complication\w*|of the|of a|by|pneumo\w+"
    r"|kink\w*|fracture|break|change|nach|bei|unter|durch|komplikation\w*)\b",
    re.IGNORECASE,
)
"""Between "no" and a device: what is denied is something else."""
_NOT_SO = re.compile(r"\b(?:no|without|kein\w*|ohne) (?!change)(?:\w+ ){0,2}$", re.IGNORECASE)
"""Just before what a misplaced device would be said to be: "no kink"."""
_NONE_AFTER = re.compile(r"(?<!\s)\s*(?::\s*)?(?:none|keine)\b", re.IGNORECASE)
_WANTED = re.compile(
    r"\b(?:needed|required|indicated|recommended placement|anlage empfohlen|benötigt|(?:may|can|could"
    r"|should) be (?:considered|needed)"
    r"|(?:is |are )?(?:advised|suggested)|empfohlen|erwägen|zu erwägen|indiziert"
    r"|möglich|sinnvoll|vorgesehen|geplant|feasible|possible|planned)\b",
    re.IGNORECASE,
)
_CONSIDERED = re.compile(
    r"\b(?:consider|recommend|advise|suggest"
    r"|amenable to|suitable for|accessible (?:to|for)|candidate for|referr\w+ for|prior to|before|need for|planned"
    r"|geplante?[rsnm]?|vor)"
    r"\b(?:\W+\w+){0,4}\W*$",
    re.IGNORECASE,
)
_TELLS = frozenset((Part.FINDINGS, Part.IMPRESSION, Part.ADDENDUM, Part.WET_READ))
_BREACH = re.compile(r"^(?:it|this|its|withdraw|retract|repositioning|recommend)", re.IGNORECASE)


def devices(reading: Reading) -> tuple[Device, ...]:
    """Every device that is said of this examination, in order."""
    found: list[Device] = []
    for sentence in reading.sentences(*_TELLS):
        found += _of(sentence, tuple(found))
    return tuple(found)


def device_states(reading: Reading) -> tuple[tuple[str, State], ...]:
    """Each device of a known kind once, with what counts where statements differ: misplaced, then removed."""
    found = devices(reading)
    told = {each.name: {other.state for other in found if other.name == each.name} for each in found}
    order = (State.MALPOSITIONED, State.REMOVED, State.PRESENT)
    firsts = ((name, next((state for state in order if state in states), None)) for name, states in told.items())
    return tuple((name, state) for name, state in firsts if state and name != "other device")


def _of(sentence: Span, before: tuple[Device, ...]) -> Iterator[Device]:
    anything = False
    for clause in clauses(sentence):
        for name, start, end in named(clause.text):
            anything = True
            span = Span(clause.start + start, clause.start + end, clause.text[start:end])
            state = _state(clause.text, start, end)
            if state is not None:
                yield Device(name=name, state=state, span=span, sentence=sentence)
    if not anything and before and _MOVE.search(sentence.text) and _BREACH.match(sentence.text):
        last = before[-1]
        yield Device(name=last.name, state=State.MALPOSITIONED, span=last.span, sentence=sentence)


def named(clause: str) -> list[tuple[str, int, int]]:
    """Each device that `clause` names, with where its words begin and end."""
    found = [(name, *each.span()) for name, pattern in _TERMS.items() for each in pattern.finditer(clause)]
    found = [each for each in found if not _VALVE_SAFE.match(clause, each[1])]
    return [each for each in found if not any(_covers(other, each) for other in found)]


def _covers(one: tuple[str, int, int], other: tuple[str, int, int]) -> bool:
    longer = one[2] - one[1] > other[2] - other[1]
    return one[1] < other[2] and other[1] < one[2] and (longer or (one[0] != other[0] and other[0] == "other device"))


def _state(clause: str, start: int, end: int) -> State | None:
    denied = _NONE.search(clause, 0, start)
    if _CONSIDERED.search(clause, 0, start):
        return None
    if (denied and not _BESIDE.search(clause, denied.end(), start)) or _NONE_AFTER.match(clause, end):
        return State.ABSENT
    if _WANTED.search(clause, end):
        return None
    if _GONE.search(clause):
        return State.REMOVED
    moved = _MOVE.search(clause)
    misplaced = moved and not _NOT_SO.search(clause[: moved.start()])
    return State.MALPOSITIONED if misplaced else State.PRESENT
