"""Completion: what a model would write next, streamed as lines of JSON; and what the person made of it.

    {"text": " is normal"}
    {"text": "."}
    {"done": true, "id": "...", "text": " is normal.", "unsupported": [], "model": "...", "version": "...", ...}

or, where it could not be written to its end, {"failed": "why"}. Whoever leaves, or asks again, takes the question back:
the model stops.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import structlog
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from pydicom.uid import UID
from starlette.concurrency import run_in_threadpool

from service.domain.audit import AuditKind
from service.domain.completion import Begun
from service.domain.errors import PrereadError, Unavailable
from service.domain.said import Said, say
from service.flow.complete import Completion, Place, Reading, answered, begun, complete, prompt_of, reading_of
from service.ports.halt import Halt, Halted
from service.ports.prompts import Prompt
from service.web.api.shapes import DoneShape
from service.web.door import visitor_of
from service.web.errors import for_page
from service.web.live import HEADERS
from service.web.pages.first_read import after_first_read
from service.web.pages.study import record_of
from service.web.services import services_of
from service.web.suggestions import Offer, Suggestions
from service.web.trail import audit

log = structlog.get_logger(__name__)

MOST_TEXT = 60_000
"""Characters of a report, as many as can be saved."""
TAKEN_BACK: Mapping[str, object] = {"failed": "The question was taken back: a newer one took its place."}


class CompletionShape(BaseModel):
    """A report that is being written, and where."""

    prefix: str = Field(description="The report; headings “Findings:” and “Conclusions:” on lines of their own")
    cursor: int | None = Field(None, ge=0, description="Characters of it before the cursor; its end if left out")
    job: str = Field("", max_length=256, description="The draft's job; the newest if left out")
    image: str = Field("", max_length=64, description="SOP Instance UID to look at; the images read if left out")


class AnswerShape(BaseModel):
    """What was taken of a completion."""

    taken: str = Field(max_length=MOST_TEXT, description="Its beginning as far as it was taken; empty for none")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One completion that is to be written."""

    request: Request
    study_uid: str
    reading: Reading
    begun: Begun
    place: Place
    prompt: Prompt


async def completion(request: Request, study_uid: str, asked: CompletionShape) -> StreamingResponse:
    """Write on from the cursor: lines of JSON, the last with `done` or `failed`. What the unprompted reading does not
    carry is marked. Asking again, or leaving, ends it."""
    if len(asked.prefix) > MOST_TEXT:
        raise HTTPException(
            413,
            say("This report has more than {number} characters; a completion takes no longer one.", number=MOST_TEXT),
        )
    halt = _suggestions(request).begin(_who(request))
    try:
        prepared = await run_in_threadpool(_prepare, request, study_uid, asked)
    except BaseException:
        _suggestions(request).end(_who(request), halt)
        raise
    told = _begin(prepared, halt)
    return StreamingResponse(_lines(told, halt), headers=HEADERS, media_type="application/x-ndjson")


def answer(request: Request, study_uid: str, completion_id: str, said: AnswerShape) -> DoneShape:
    """Take a completion, or its beginning, or none of it; once. Kept in the edit log."""
    offer = _suggestions(request).answered(completion_id, _who(request))
    if offer.study_uid != study_uid or not offer.completion.text.startswith(said.taken):
        raise HTTPException(422, say("What was taken is not the beginning of this completion."))
    services = services_of(request)
    _told(request, study_uid, f"completion for job {offer.reading.job.job_id} is being answered")
    kept = answered(
        services.edits,
        offer.completion,
        offer.reading,
        place=offer.place,
        taken=len(said.taken),
        reviewer=visitor_of(request).account.name,
        now=services.clock.now(),
    )
    _told(request, study_uid, f"completion for job {offer.reading.job.job_id} answered, edit log {kept}")
    return DoneShape(done="taken" if said.taken else "refused", job_id=offer.reading.job.job_id)


def _prepare(request: Request, study_uid: str, asked: CompletionShape) -> Asked:
    """Everything up to the model. Raises 409 where none can be asked, 422 for a cursor outside of the text."""
    services, record = services_of(request), record_of(request, study_uid)
    _told(request, study_uid, "completion asked for")
    study = services.ledger.study(UID(study_uid))
    try:
        text = begun(asked.prefix, asked.cursor)
        reading = reading_of(record, asked.job)
        after_first_read(request, next(each for each in record.jobs if each.job.job_id == reading.job.job_id))
        if study is None:
            raise HTTPException(404, say("No study with this UID has arrived here."))
        prompt = prompt_of(reading, study, services.prompts, begun=text, image=asked.image)
    except ValueError as error:
        raise HTTPException(422, f"{error}.") from error
    except Unavailable:
        raise
    except PrereadError as error:
        raise HTTPException(409, say("Nothing can be completed here: {why}.", why=str(error))) from error
    start = len(asked.prefix) if asked.cursor is None else asked.cursor
    return Asked(
        request=request,
        study_uid=study_uid,
        reading=reading,
        begun=text,
        place=Place(text.section, start),
        prompt=prompt,
    )


def _begin(asked: Asked, halt: Halt) -> asyncio.Queue[Mapping[str, object]]:
    """Have the model asked in a thread of its own; returns where its events come, the last with `done` or `failed`.

    The thread itself says when it is over: a client that left before the first line leaves nobody else to do it.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[Mapping[str, object]] = asyncio.Queue()

    def tell(event: Mapping[str, object]) -> None:
        if not halt.halted:
            loop.call_soon_threadsafe(told.put_nowait, event)

    halt.then(partial(loop.call_soon_threadsafe, told.put_nowait, TAKEN_BACK))
    loop.run_in_executor(None, _write, asked, halt, tell)
    return told


async def _lines(told: asyncio.Queue[Mapping[str, object]], halt: Halt) -> AsyncIterator[str]:
    event: Mapping[str, object] = {}
    try:
        while not event.keys() & {"done", "failed"}:
            event = await told.get()
            yield f"{json.dumps(event, ensure_ascii=False)}\n"
    finally:
        halt()


def _write(asked: Asked, halt: Halt, tell: Callable[[Mapping[str, object]], None]) -> None:
    """Ask the model; blocking."""
    try:
        written = complete(
            asked.prompt,
            asked.reading,
            services_of(asked.request).models,
            begun=asked.begun,
            on_text=lambda text: tell({"text": text}),
            halt=halt,
        )
        tell(_offered(asked, written))
    except Halted:
        return
    except PrereadError as error:
        tell(_failed(asked, say("Nothing was completed: {why}.", why=str(error))))
    except Exception as error:  # the thread's boundary: whoever waits is told, and nobody else would hear of it
        kind = type(error).__name__
        last = traceback.extract_tb(error.__traceback__)[-1]
        log.error("completion failed", kind=kind, where=f"{last.filename}:{last.lineno} in {last.name}")
        why = say("Nothing was completed: the service itself failed ({kind}). Its log says where.", kind=kind)
        tell(_failed(asked, why))
    finally:
        _suggestions(asked.request).end(_who(asked.request), halt)


def _failed(asked: Asked, why: Said) -> Mapping[str, object]:
    """The last line of what brought nothing; `said` is for the page, in its language."""
    return {"failed": str(why), **for_page(asked.request, why)}


def _offered(asked: Asked, written: Completion) -> Mapping[str, object]:
    """The last line."""
    offer = Offer(
        who=_who(asked.request),
        study_uid=asked.study_uid,
        reading=asked.reading,
        place=asked.place,
        completion=written,
    )
    who = written.algorithm
    return {
        "done": True,
        "id": _suggestions(asked.request).offer(offer) if written.text else "",
        "text": written.text,
        "unsupported": written.unsupported,
        "model": who.name,
        "version": who.version,
        "digest": who.digest,
    }


def _who(request: Request) -> Hashable:
    """One person at one browser."""
    visitor = visitor_of(request)
    return visitor.account.name, visitor.csrf


def _told(request: Request, study_uid: str, detail: str) -> None:
    who = visitor_of(request).account.name
    audit(request, AuditKind.APPLICATION_ACTIVITY, "E", who=who, study_instance_uid=study_uid, detail=detail)


def _suggestions(request: Request) -> Suggestions:
    return cast(Suggestions, request.app.state.suggestions)
