"""`preread ask`: a question about a study: its report by rules, its images by the model that read them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydicom.uid import UID

from service.cli.installed import installed
from service.cli.show import AsJson, Unknown, rows
from service.cli.trail import audit
from service.domain.errors import PrereadError
from service.flow.ask import Seen, own_words, question_of
from service.flow.ask import ask as look
from service.flow.complete import reading_of
from service.flow.prose import Beside, answered
from service.flow.review import draft_text
from service.ports.halt import Halt


def ask(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="Study Instance UID.")],
    question: Annotated[str, typer.Argument(help="In English or German, about this study alone.")],
    job: Annotated[str, typer.Option(help="The draft's job; the newest if left out.")] = "",
    image: Annotated[str, typer.Option(help="SOP Instance UID to look at; the images read if left out.")] = "",
    json: AsJson = False,
) -> None:
    """What the report of STUDY says to QUESTION, by rules, with the words; then what the model sees."""
    services = installed(context)
    record, stored = services.catalogue.record(UID(study)), services.ledger.study(UID(study))
    if record is None or stored is None:
        raise Unknown(f"no study {study} was received; `preread studies` shows the newest")
    audit(services, "question asked", study_instance_uid=study)
    reading = reading_of(record, job)
    own = own_words(record.row.identity, stored)
    history = services.edits.history(reading.log)
    text = history.text if history else draft_text(reading.report)
    try:
        told = answered("question", text, Beside(question=question, own=own))
    except ValueError as error:
        raise Unknown(str(error)) from error
    replies = [each | {"by": "rules", "words": _words(each)} for each in told["question"]]
    try:
        what, prompt = question_of(question, reading, stored, services.prompts, image=image)
        replies.append(_row(look(prompt, what, reading, services.models, halt=Halt())))
    except PrereadError as error:
        replies.append({"by": "nobody", "answer": "", "note": f"the model was not asked: {error}"})
    rows(replies, ("by", "about", "answer", "words", "note"), as_json=json)


def _words(reply: dict[str, Any]) -> str:
    return "; ".join(span["text"] for span in reply["spans"])


def _row(seen: Seen) -> dict[str, Any]:
    who = seen.algorithm
    words = [f"not supported: {reason}" for reason in seen.unsupported]
    return {
        "by": f"{who.name} {who.version}, preliminary",
        "about": f"image {seen.image[-8:]}",
        "answer": seen.text,
        "words": "; ".join(f"{each.named}{'' if each.present else ' absent'}" for each in seen.findings),
        "note": "; ".join(words),
        "digest": who.digest,
        "image": seen.image,
        "frame": seen.frame,
        "unsupported": list(seen.unsupported),
    }
