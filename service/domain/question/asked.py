"""Asked: what kind of question it is, and about which finding or device, in the words that reports are read by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from service.domain.prose.devices import named
from service.domain.prose.sections import Part
from service.domain.prose.side import Side, sides
from service.domain.prose.vocabulary import TERMS


class Kind(StrEnum):
    """What is wanted."""

    IS = "is"
    SIDE = "side"
    SIZE = "size"
    WHERE = "where"
    POSITION = "position"  #: whether a device lies right
    DEVICES = "devices"
    CHANGE = "change"
    ABNORMAL = "abnormal"
    SECTION = "section"
    ADVICE = "advice"
    WORDS = "words"  #: none of these: the sentences that hold the words asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One question, read."""

    text: str
    kind: Kind
    findings: tuple[str, ...] = ()
    """By their names in `service.domain.prose.vocabulary`."""
    devices: tuple[str, ...] = ()
    sides: tuple[Side, ...] = ()
    """Sides that it names."""
    part: Part | None = None
    yes_or_no: bool = False
    inverted: bool = False
    """Whether "yes" would mean that something is wrong: "is it malpositioned?"."""

    def about(self, finding: str) -> str:
        """The part of the question that names `finding`: of "effusion or rib fracture" either."""
        parts = _OR.split(self.text)
        return next((each for each in parts if finding in TERMS and TERMS[finding].search(each)), self.text)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


_KINDS = (
    (Kind.CHANGE, _words(r"chang\w*|since|compar\w+|than before|than (?:on )?the (?:prior|previous|last)\b.*|worse\w*"
                         r"|better|improv\w*|progress\w*|regress\w*|increas\w*|decreas\w*|resol\w+|new(?:ly)?|larger"
                         r"|smaller|bigger|grown?|growing|happened to|veränder\w*|verlauf\w*|vergl\w+|seit"
                         r"|neu(?:e[rsnm]?)?|zugenommen|abgenommen|zunehm\w*|abnehm\w*|rückläufig\w*|progredien\w*"
                         r"|besser|schlechter|größer|kleiner|gebessert|gewachsen|unverändert\w*|unchanged|stable")),
    (Kind.SIZE, _words(r"how (?:large|big|severe|much|wide|long|thick|extensive|far)|(?:what|which) size|sizes?"
                       r"|diameter|measure\w*|wie (?:groß|ausgeprägt|viel|schwer|breit|dick|lang|weit)|größe"
                       r"|durchmesser|ausmaß|schweregrad|severity")),
    (Kind.SIDE, _words(r"(?:which|what) sides?|(?:right|left) or (?:on )?(?:the )?(?:left|right)|sidedness|laterality"
                       r"|welche[rn]? seiten?|rechts oder links|links oder rechts|seitenangabe")),
    (Kind.POSITION, _words(r"(?:right|correct|good|proper|satisfactory|adequate|normal|wrong) "
                           r"(?:place|position|location)"
                           r"|(?:well|correctly|properly)[ -](?:placed|positioned|located)|mal-?position\w*|misplaced"
                           r"|too (?:deep|high|low|far)|korrekt\w*|regelrecht\w*|fehllage\w*|richtig\w*"
                           r"|zu (?:tief|hoch)|gute[rn]? (?:lage|position)")),
    (Kind.WHERE, _words(r"where|location|located|lies? in|wo|wohin|lokalisation|lokalisiert|in welche[mnr]")),
)  # fmt: skip
_OR = re.compile(r"\b(?:or|and|oder|und)\b|,", re.IGNORECASE)
_INVERTED = _words(r"mal-?position\w*|misplaced|too (?:deep|high|low|far)|wrong \w+|fehllage\w*|zu (?:tief|hoch)")
_HEART = _words(r"heart|cardiac|herz\w*")
_LARGE = _words(r"enlarge\w*|large|big|size\w*|width|vergrößer\w*|groß|größe|verbreitert\w*|breit")
_MEDIASTINUM = _words(r"(?:cardio)?mediastin\w+")
_WIDE = _words(r"wid(?:e|ened|ening|th)|enlarge\w*|verbreitert\w*|breit|weit")
_SECTIONS = (
    (Part.COMPARISON, _words(r"(?:was|were|is|has|have) .*compar\w+|comparison|prior available"
                             r"|(?:earlier|prior|previous) (?:study|exam\w*|image\w*)|wurde .*verglichen|voraufnahme\w*"
                             r"|vergleichsaufnahme\w*|voruntersuchung\w*")),
    (Part.INDICATION, _words(r"why|indication\w*|reason|clinical (?:question|history|information)|history"
                             r"|fragestellung\w*|indikation\w*|warum|weshalb|klinische (?:angaben?|frage)|anamnese")),
    (Part.TECHNIQUE, _words(r"technique|protocol|how was (?:it|this|the \w+) (?:done|performed|acquired)|technik")),
    (Part.IMPRESSION, _words(r"impression|conclusions?|summary|bottom line|diagnosis|beurteilung|zusammenfassung|fazit"
                             r"|diagnose")),
    (Part.FINDINGS, _words(r"what are the findings|(?:the )?findings section|wie lautet der befund|befundtext")),
)  # fmt: skip
_ADVICE = _words(r"recommend\w*|advi[cs]e\w*|suggest\w*|follow-?up|next step\w*|empfohlen|empfehlung\w*|procedere"
                 r"|empfiehlt|kontrolle\w*")  # fmt: skip
_ANY_DEVICE = _words(r"(?:support )?devices?|tubes?|lines?|catheters?|drains?|hardware|fremdmaterial\w*|katheter"
                     r"|zugänge|schläuche|sonden|implantate?|installationen|drainagen?"
                     r"|foreign (?:material|bod\w+)")  # fmt: skip
_NORMAL = re.compile(
    r"^\W*(?:is|are|ist|sind)\W+(?:everything|all|this|it|the (?:study|exam\w*|report|image|radiograph|chest|ct)|alles"
    r"|das|der befund|die (?:untersuchung|aufnahme))\W+(?:is )?(?:completely |ganz |völlig )?(?:normal|ok"
    r"|unauffällig\w*|in ordnung)\W*$"
    r"|\b(?:any|an) (?:abnormal\w*|pathology|pathological finding)\b|\b(?:abnormal\w*|auffälligkeit\w*|pathologisches?)"
    r"\W*$|^\W*any(?:thing)? (?:findings?|wrong)\W*$",
    re.IGNORECASE,
)
_OVERALL = re.compile(
    r"^\W*(?:what(?: has| have| is| was)?|(?:is |has |have )?(?:anything|any)|was (?:hat|ist|war)|wie (?:hat|ist|war)"
    r"|gibt es|hat sich)\b.*(?<!\w)(?:chang\w*|different|new|worse|better|veränder\w*|neu\w*|verlauf|besser|schlechter)"
    r"(?!\w)",
    re.IGNORECASE,
)
"""A question of change that is about nothing in particular: "what changed?"."""
_YES_OR_NO = re.compile(
    r"^\W*(?:is|are|was|were|does|do|did|has|have|can|could|any|ist|sind|war|hat|haben|gibt|liegt|liegen|besteht"
    r"|bestehen|sieht|sehen|zeigt|zeigen|findet|finden|wurde|kann)\b",
    re.IGNORECASE,
)


def asked(question: str) -> Asked:
    """Read `question`; any text is one, at worst of WORDS."""
    text = " ".join(question.split())
    findings, devices = _findings(text), tuple(dict.fromkeys(name for name, _, _ in named(text)))
    devices = tuple(each for each in devices if each != "other device")
    about = bool(findings or devices)
    kind, part = _kind(text, about=about, devices=bool(devices))
    return Asked(
        text=text,
        kind=kind,
        findings=findings,
        devices=devices,
        sides=tuple(dict.fromkeys(side for side, _ in sides(text))),
        part=part,
        yes_or_no=bool(_YES_OR_NO.search(text)),
        inverted=bool(_INVERTED.search(text)),
    )


def _kind(text: str, *, about: bool, devices: bool) -> tuple[Kind, Part | None]:
    if not about and _OVERALL.search(text):
        return Kind.CHANGE, None
    if not about:
        part = next((part for part, words in _SECTIONS if words.search(text)), None)
        if part is not None:
            return Kind.SECTION, part
        if _ADVICE.search(text):
            return Kind.ADVICE, None
        if _ANY_DEVICE.search(text):
            return Kind.DEVICES, None
        if _NORMAL.search(text):
            return Kind.ABNORMAL, None
    kinds = [kind for kind, words in _KINDS if words.search(text)]
    for kind in kinds:
        if devices if kind is Kind.POSITION else about:
            return kind, None
    return (Kind.IS if about else Kind.WORDS), None


def _findings(text: str) -> tuple[str, ...]:
    found = [(name, *each.span()) for name, term in TERMS.items() for each in term.finditer(text)]
    names = [
        name
        for name, start, end in found
        if not any(o <= start and end <= p and p - o > end - start for _, o, p in found)
    ]
    if _HEART.search(text) and _LARGE.search(text):
        names.append("cardiomegaly")
    if _MEDIASTINUM.search(text) and _WIDE.search(text):
        names.append("mediastinal widening")
    return tuple(dict.fromkeys(names))
