"""Terms: words of the house that pages show as they are, such as states and kinds."""

from __future__ import annotations

from service.domain.said import Said, say_as

_TERMS = (
    # studies
    say_as("term", "receiving"), say_as("term", "unmatched"), say_as("term", "scheduled"), say_as("term", "reading"),
    say_as("term", "delivering"), say_as("term", "done"), say_as("term", "attention"),
    # jobs and deliveries
    say_as("term", "in progress"), say_as("term", "completed"), say_as("term", "canceled"),
    say_as("term", "recalled"), say_as("term", "pending"), say_as("term", "sending"), say_as("term", "sent"),
    say_as("term", "committed"), say_as("term", "held"), say_as("term", "refused"), say_as("term", "expired"),
    say_as("term", "superseded"), say_as("term", "standby"), say_as("term", "retracted"),
    say_as("term", "result"), say_as("term", "original"), say_as("term", "retraction"),
    # rules, priorities, steps
    say_as("term", "off"), say_as("term", "shadow"), say_as("term", "live"), say_as("term", "stat"),
    say_as("term", "high"), say_as("term", "medium"), say_as("term", "low"), say_as("term", "measure"),
    say_as("term", "segment"), say_as("term", "classify"), say_as("term", "detect"), say_as("term", "draft"),
    say_as("term", "check"), say_as("term", "compare"), say_as("term", "assemble"), say_as("term", "read"),
    say_as("term", "deliver"),
    # readings, findings, sections, authors
    say_as("term", "present"), say_as("term", "absent"), say_as("term", "analysed"), say_as("term", "partial"),
    say_as("term", "not analysed"), say_as("term", "failed"), say_as("term", "findings"),
    say_as("term", "conclusions"), say_as("term", "AI"), say_as("term", "edited"), say_as("term", "human"),
    say_as("term", "template"), say_as("term", "kept"), say_as("term", "rules"), say_as("term", "signed"),
    say_as("term", "addendum"),
    # edits, issues
    say_as("term", "insert"), say_as("term", "delete"), say_as("term", "negation"), say_as("term", "laterality"),
    say_as("term", "measurement"), say_as("term", "severity"), say_as("term", "reword"),
    say_as("term", "outline"), say_as("term", "accepted"), say_as("term", "inconclusive"),
    say_as("term", "missing finding"), say_as("term", "impression against findings"), say_as("term", "device"),
    say_as("term", "measurement and unit"), say_as("term", "implausible value"),
    say_as("term", "comparison without prior"), say_as("term", "sex and anatomy"), say_as("term", "section missing"),
    say_as("term", "typo"), say_as("term", "required field"), say_as("term", "critical"), say_as("term", "major"),
    say_as("term", "minor"), say_as("term", "question not answered"),
    # events
    say_as("term", "received"), say_as("term", "duplicate"), say_as("term", "corrected"), say_as("term", "conflict"),
    say_as("term", "echo"), say_as("term", "quarantined"), say_as("term", "rejected"), say_as("term", "assembled"),
    say_as("term", "routed"), say_as("term", "step"), say_as("term", "job"), say_as("term", "delivery"),
    say_as("term", "operator"), say_as("term", "reviewed"), say_as("term", "returned"),
    # health
    say_as("term", "up"), say_as("term", "down"), say_as("term", "ready"), say_as("term", "not ready"),
    say_as("term", "unknown"), say_as("term", "silent"), say_as("term", "alive"), say_as("term", "degraded"),
    say_as("term", "yes"), say_as("term", "no"),
    # clauses of rules
    say_as("term", "source"), say_as("term", "modality"), say_as("term", "body part"), say_as("term", "view"),
    say_as("term", "SOP class"), say_as("term", "age"), say_as("term", "study age"),
    # sides, sections, sex
    say_as("term", "left"), say_as("term", "right"), say_as("term", "indication"), say_as("term", "technique"),
    say_as("term", "comparison"), say_as("term", "impression"), say_as("term", "F"),
    # roles
    say_as("term", "viewer"), say_as("term", "radiologist"), say_as("term", "admin"), say_as("term", "auditor"),
    say_as("term", "sender"),
)  # fmt: skip
_KNOWN = {str(term): term for term in _TERMS}


def term(word: object) -> str:
    """The word as a Said, if it is one of the house's; else its text as it is."""
    text = str(word).replace("_", " ")
    return _KNOWN.get(text) or _KNOWN.get(text.lower()) or text


def known_terms() -> tuple[Said, ...]:
    return _TERMS
