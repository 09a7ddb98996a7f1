"""WADO-RS (PS3.18 10.4): objects, headers, frames, pictures and bulk data of what has arrived here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO

from fastapi import HTTPException, Request
from fastapi.responses import Response
from pydicom.uid import UID, ExplicitVRLittleEndian
from starlette.responses import StreamingResponse

from service.domain.errors import Gone, Unreadable, Unsupported
from service.domain.study import StoredInstance
from service.ports.viewing import SentFrame
from service.web.dicomweb.look import look
from service.web.dicomweb.media import (
    ANY,
    BYTES,
    DICOM,
    JPEG,
    JSON,
    PNG,
    Range,
    accepted,
    chosen,
    kind_of,
    not_acceptable,
)
from service.web.dicomweb.multipart import Part, multipart
from service.web.dicomweb.resources import Where, looked, taken, the_instance, the_instances
from service.web.services import services_of

MOST_FRAMES = 256
"""Frames that one request may list."""
_CHUNK = 1024**2
_FRAMES = re.compile(r"[1-9][0-9]{0,6}(,[1-9][0-9]{0,6})*")
_PARTIAL = {"Warning": '299 preread "Some instances could not be given in any of the accepted forms"'}


def study(request: Request, study_uid: str) -> Response:
    """Every object of a study."""
    return _objects(request, study_uid, the_instances(request, study_uid))


def series(request: Request, study_uid: str, series_uid: str) -> Response:
    """Every object of a series."""
    return _objects(request, study_uid, the_instances(request, study_uid, series_uid))


def instance(request: Request, study_uid: str, series_uid: str, instance_uid: str) -> Response:
    """One object; alone, or as the only part."""
    stored = the_instance(request, study_uid, series_uid, instance_uid)
    return _objects(request, study_uid, [stored], alone=True)


def study_metadata(request: Request, study_uid: str) -> Response:
    return _metadata(request, study_uid, the_instances(request, study_uid))


def series_metadata(request: Request, study_uid: str, series_uid: str) -> Response:
    return _metadata(request, study_uid, the_instances(request, study_uid, series_uid))


def instance_metadata(request: Request, study_uid: str, series_uid: str, instance_uid: str) -> Response:
    return _metadata(request, study_uid, [the_instance(request, study_uid, series_uid, instance_uid)])


def frames(request: Request, study_uid: str, series_uid: str, instance_uid: str, numbers: str) -> Response:
    """Frames by number, from 1: as stored where the client takes that and header and codestream agree."""
    stored = the_instance(request, study_uid, series_uid, instance_uid)
    wanted, ranges = _numbers(stored, numbers), accepted(request)
    best = _best_for_frames(ranges, stored.instance.transfer_syntax_uid)
    looked(request, study_uid)
    decoded = any(each.takes_decoded for each in ranges)
    sent = (_frame(request, stored, number, best, decoded=decoded) for number in wanted)
    with _told():
        first = next(sent)
    if len(wanted) == 1 and not best.multipart and "*" not in best.kind:
        return Response(bytes(first.body), media_type=_frame_kind(first, best))
    address = f"{Where.of(request).instance(stored.instance)}/frames"
    numbered = zip(wanted, chain([first], sent), strict=True)
    parts = (Part(_frame_kind(frame, best), f"{address}/{number}", [frame.body]) for number, frame in numbered)
    return multipart(parts, kind=_frame_kind(first, best).split(";")[0])


def rendered(request: Request, study_uid: str, series_uid: str, instance_uid: str, numbers: str = "") -> Response:
    """Frames drawn as JPEG or PNG: `window`, `viewport` and `quality` as PS3.18 8.3.5 has them."""
    stored = the_instance(request, study_uid, series_uid, instance_uid)
    if not numbers and stored.instance.frames > 1:
        raise HTTPException(406, "This instance has several frames: ask for frames/NUMBER/rendered.")
    wanted = _numbers(stored, numbers or "1")
    kind = chosen(accepted(request), (JPEG, PNG))
    drawn = look(request, png=kind == PNG)
    looked(request, study_uid)
    viewing = services_of(request).viewing
    with _told():
        pictures = [viewing.picture(stored, number, drawn) for number in wanted]
    if len(pictures) == 1:
        return Response(bytes(pictures[0]), media_type=kind)
    address = f"{Where.of(request).instance(stored.instance)}/frames"
    parts = (Part(kind, f"{address}/{n}/rendered", [body]) for n, body in zip(wanted, pictures, strict=True))
    return multipart(parts, kind=kind)


def bulk_data(request: Request, study_uid: str, series_uid: str, instance_uid: str, path: str) -> Response:
    """A value that the metadata named by its address."""
    stored = the_instance(request, study_uid, series_uid, instance_uid)
    best = next((each for each in accepted(request) if each.takes_decoded), None)
    if best is None:
        raise not_acceptable((BYTES,))
    looked(request, study_uid)
    try:
        body = services_of(request).viewing.bulk(stored, path)
    except Unsupported as error:
        raise HTTPException(404, str(error)) from error
    except Gone as error:
        raise _gone() from error
    if best.kind == BYTES and not best.multipart:
        return Response(bytes(body), media_type=BYTES)
    return multipart([Part(BYTES, str(request.url.replace(query="")), [body])], kind=BYTES)


def _objects(request: Request, study_uid: str, found: Sequence[StoredInstance], *, alone: bool = False) -> Response:
    """As DICOM objects. Those that are in no accepted form are left out, and 206 says so (PS3.18 10.4.3)."""
    ranges = [each for each in accepted(request) if each.takes(DICOM) and (alone or each.multipart or "*" in each.kind)]
    best = next((r for r in ranges if any(r.takes_object(s.instance.transfer_syntax_uid) for s in found)), None)
    if best is None:
        raise not_acceptable((f'multipart/related; type="{DICOM}"; transfer-syntax={ANY}',))
    sent = [stored for stored in found if best.takes_object(stored.instance.transfer_syntax_uid)]
    taken(request, study_uid)
    if alone and best.kind == DICOM and not best.multipart:
        return _single(request, sent[0], best)
    parts = _parts(request, sent, best)
    answer = multipart(parts, kind=DICOM, status=200 if len(sent) == len(found) else 206)
    if len(sent) < len(found):
        answer.headers.update(_PARTIAL)
    return answer


def _single(request: Request, stored: StoredInstance, best: Range) -> Response:
    with _told():
        body = _begun(_body(request, stored, best))
    chunks = (memoryview(chunk) for chunk in body)
    return StreamingResponse(chunks, media_type=f"{DICOM}; transfer-syntax={_syntax(stored, best)}")


def _parts(request: Request, sent: Sequence[StoredInstance], best: Range) -> Iterator[Part]:
    """The first is begun before the answer is, so that what is wrong with all of them has a status."""
    where = Where.of(request)
    with _told():
        first = _begun(_body(request, sent[0], best))

    def parts() -> Iterator[Part]:
        for at, stored in enumerate(sent):
            body = _body(request, stored, best) if at else first
            yield Part(f"{DICOM}; transfer-syntax={_syntax(stored, best)}", where.instance(stored.instance), body)

    return parts()


def _begun(body: Iterator[bytes | bytearray]) -> Iterator[bytes | bytearray]:
    """The same, its first chunk already read."""
    return chain([next(body, b"")], body)


def _body(request: Request, stored: StoredInstance, best: Range) -> Iterator[bytes | bytearray]:
    viewing = services_of(request).viewing
    if _syntax(stored, best) == stored.instance.transfer_syntax_uid:
        with viewing.open(stored) as part10:
            yield from _chunks(part10)
    else:
        yield viewing.decoded(stored)


def _chunks(part10: BinaryIO) -> Iterator[bytes]:
    while chunk := part10.read(_CHUNK):
        yield chunk


def _syntax(stored: StoredInstance, best: Range) -> UID:
    own = stored.instance.transfer_syntax_uid
    return own if best.syntax in {ANY, own} else ExplicitVRLittleEndian


def _metadata(request: Request, study_uid: str, found: Sequence[StoredInstance]) -> Response:
    """Headers in the DICOM JSON model; 206 where some cannot be read."""
    kind = chosen(accepted(request), (JSON, "application/json"))
    looked(request, study_uid)
    where, viewing = Where.of(request), services_of(request).viewing
    told: list[bytes] = []
    for stored in found:
        try:
            told.append(bytes(viewing.metadata(stored, base=f"{where.instance(stored.instance)}/bulkdata")))
        except (Unreadable, Unsupported):
            continue
        except Gone as error:
            if len(found) == 1:
                raise _gone() from error
    if not told:
        raise HTTPException(410, "The header of none of these instances can be read any more.")
    partial = len(told) < len(found)
    body = b"[" + b",".join(told) + b"]"
    return Response(body, media_type=kind, status_code=206 if partial else 200, headers=_PARTIAL if partial else {})


def _numbers(stored: StoredInstance, text: str) -> list[int]:
    """Frame numbers as an address lists them. Raises 400, and 404 for a frame that is not there."""
    if not _FRAMES.fullmatch(text):
        raise HTTPException(400, "Frames are listed by number, from 1, with commas between them.")
    numbers = [int(each) for each in text.split(",")]
    if len(numbers) > MOST_FRAMES:
        raise HTTPException(400, f"At most {MOST_FRAMES} frames can be asked for at once.")
    if max(numbers) > stored.instance.frames:
        raise HTTPException(404, f"This instance has {stored.instance.frames} frames.")
    return numbers


def _best_for_frames(ranges: Sequence[Range], stored: UID) -> Range:
    """The range that frames of that transfer syntax are sent for. Raises 406."""
    best = next((each for each in ranges if each.takes_frame(stored) or each.takes_decoded), None)
    if best is None:
        raise not_acceptable((BYTES, f"{kind_of(stored)}; transfer-syntax={stored}"))
    return best


def _frame(request: Request, stored: StoredInstance, number: int, best: Range, *, decoded: bool) -> SentFrame:
    """One frame for `best`. Raises Unsupported where it can be given decoded only, and that is not accepted."""
    as_stored = best.takes_frame(stored.instance.transfer_syntax_uid)
    sent = services_of(request).viewing.frame(stored, number, as_stored=as_stored)
    if sent.syntax == ExplicitVRLittleEndian and not decoded:
        raise Unsupported(f"Its header and its codestream disagree: it is given decoded only, as {BYTES}.")
    return sent


def _frame_kind(frame: SentFrame, best: Range) -> str:
    compressed = frame.syntax.is_encapsulated
    kind = kind_of(frame.syntax) if compressed and best.kind != BYTES else BYTES
    return f"{kind}; transfer-syntax={frame.syntax}"


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with an object, as PS3.18 10.4.3 says it."""
    try:
        yield
    except Gone as error:
        raise _gone() from error
    except (Unreadable, Unsupported) as error:
        raise HTTPException(406, f"This cannot be given in any of the accepted forms. {error}") from error


def _gone() -> HTTPException:
    return HTTPException(410, "What was kept of this instance is no longer here.")
