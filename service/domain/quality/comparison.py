"""Comparison without prior: words of change where no earlier examination is named or known (C13)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.domain.comparison import compares
from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at

_NONE = re.compile(
    r"^\W*(?:none|no (?:prior|previous|comparison|earlier|relevant)\b.*|nil|not available|n/?a|keine?\b.*"
    r"|nicht vorliegend.*)\W*$",
    re.IGNORECASE | re.DOTALL,
)
_NAMED = re.compile(
    r"\b(?:compar\w+|vergl\w+|vor(?:aufnahme|untersuchung)\w*|since|than|from|prior|previous|earlier|seit)\b[^.\n]{0,40}"
    r"(?:\d|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|last (?:week|night|month|year)"
    r"|hours?|days?|weeks?|months?"
    r"|years?|vortag\w*|gestern|wochen?|tagen?|monate?n?|jahre?n?|baseline)\b)",
    re.IGNORECASE,
)
"""An earlier examination with its day, or how long ago it was."""
_NO_CHANGE_OF_IMAGES = re.compile(
    r"\b(?:no new|stable (?:patient|condition|fracture)|hemodynamically stable|new(?:born|ly diagnosed)"
    r"|progress(?:ive)? (?:care|dyspn))\b"
    r"|\bno (?:evidence of )?(?:interval|progress\w*)|\bkeine? neue\w*|\bresolution (?:ct|images?)"
    r"|\b(?:short|close)[- ](?:term |interval )?(?:interval )?follow-?up|\bshort[- ]interval\b|\binterval follow-?up"
    r"|\b(?:scapholunate|acromio\w+|atlanto\w+|predental|qt|pr|time|joint|screening) interval|\binterval (?:is"
    r"|measures|of \d)"
    r"|\bif\b[^.;]*|\b(?:symptoms?|pain|fever|cough|dyspn\w+|suspicion|complaints?)\b[^.;]{0,20}\b(?:persist|worsen|improv|progress)\w*"
    r"|\b(?:increasing|progressive|worsening|persistent|new(?:[- ]onset)?) (?:\w+ )?(?:breathless\w*|dyspn\w+"
    r"|short\w+ of breath|pain|cough"
    r"|fever|symptoms?|hypox\w+|headaches?|confusion|oxygen\w*|swelling|weakness|murmur)"
    r"|\bim vergleich\b[^.;]*\b(?:keine?|nicht)\b[^.;]*|\bvor(?:aufnahmen?|untersuchung\w*"
    r"|befund\w*)\b[^.;]*\b(?:nicht|keine?)\b"
    r"|\b(?:keine?|ohne) (?:\w+ )?vor(?:aufnahmen?|untersuchung\w*|befunde?)"
    r"|\bno (?:prior|previous|earlier|relevant)\b[^.;]*|\b(?:to (?:document|confirm|ensure)|document"
    r"|until) (?:\w+ )?(?:resolution|stability)"
    r"|\b(?:pulses?|blood pressure|saturation|vital signs|consciousness|gcs|neurolog\w+(?: \w+)?)"
    r" (?:\w+ ){0,2}(?:un|not )changed\b"
    r"|\b(?:zunehmend|progredient|neu aufgetreten)\w* (?:\w+ )?\w*(?:verwirr|dyspno"
    r"|luftnot|schmerz|husten|fieber|schwäche|parese|kopfschm"
    r"|schwindel|schwellung|gewichts|atemnot|beschwerd|symptom|sauerstoff|müdigkeit|ikterus|visus|gangst)\w*"
    r"|\bnew (?:pacemaker|line|tube|device|icd|catheter|drain)|\b(?:hämodynamisch|haemodynamically"
    r"|clinically) (?:stabil|stable)\w*"
    r"|\bstab(?:le|ility) (?:on|of the) (?:spine|fixation)|\bbiomechan\w+|\bstabile (?:fraktur|seitenlage)\w*"
    r"|\bprogressi\w+ (?:massive|multifocal|supranuclear)\b|\bstabilis\w+|\bimproved (?:visuali[sz]ation|inspiration)",
    re.IGNORECASE,
)
"""Words of change that are about the patient, the future, or an examination that there is not."""
_INTERVAL = re.compile(
    r"\binterval\b(?!\W+(?:\w+\W+)?(?:in|de)creas|\W+(?:\w+\W+)?(?:chang|develop|appear|resol|resor|remov|placement|insert"
    r"|improv|wors|progress|regress|growth|enlarg|clear|stabil|heal|reduc|extub|intub|re-?accumul|expan|evol|surg|advance"
    r"|decompress|new))",
    re.IGNORECASE,
)
"""An interval that nothing happened in: one of time, or of anatomy."""

_FOLLOWED = re.compile(
    r"\b(?:follow-?up|surveillance|re-?staging|nachsorge|verlauf\w*|\w*kontrolle|response|re-?check|progress\w*"
    r"|re-?evaluation|known (?:\w+ )?(?:nodules?|mass|effusion|pneumothorax|aneurysm))\b",
    re.IGNORECASE,
)
"""An indication that tells of earlier images, named or not."""


def issues(case: Case) -> Iterator[Issue]:
    """At most one: the first word of change."""
    reading = case.reading
    followed = any(_FOLLOWED.search(each.text) for each in reading.sentences(Part.INDICATION))
    followed = followed or bool(_FOLLOWED.search(case.question))
    said_none = any(each.part is Part.COMPARISON and _NONE.match(each.body.text) for each in reading.sections)
    named = reading.has(Part.COMPARISON) or bool(_NAMED.search(case.text))
    if not said_none and (named or case.prior is not False):
        return
    for sentence in reading.sentences(Part.FINDINGS, Part.IMPRESSION):
        plain = _NO_CHANGE_OF_IMAGES.sub(lambda found: "~" * len(found[0]), sentence.text)
        words = compares(_INTERVAL.sub(lambda found: "~" * len(found[0]), plain))
        if words:
            start = sentence.start + plain.find(words)
            known = (
                "the report says that there is none" if said_none else "no earlier examination is named or known here"
            )
            message = f"{words!r} compares, but {known}: name the earlier examination, or leave the word out."
            span, likely = Span(start, start + len(words), words), said_none or not followed
            yield at(span, Kind.COMPARISON, Severity.MAJOR, "comparison.prior", message, likely=likely)
            return
