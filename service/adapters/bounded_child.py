"""The child of `service.adapters.bounded`: limits itself, says that it is ready, answers one question after another.

python -P -m service.adapters.bounded_child <socket descriptor> <memory in bytes>
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import warnings
from collections.abc import Callable, Mapping
from io import BufferedReader
from typing import Any, BinaryIO

from service.adapters.bounded import OUT_OF_MEMORY, READY
from service.adapters.foreign import digest_of_pixels, header_of, rejection_of
from service.domain.errors import PrereadError, Unsupported

Answer = tuple[Mapping[str, Any], bytes]


def _frame(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_pixels import frame_of  # numpy and the decoders only when they are needed

    return frame_of(file, int(question["frame"]), question["values"])


def _rescaled(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_pixels import rescaled_of

    return rescaled_of(file, int(question["frame"]))


def _picture_digest(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_pixels import digest_of_frames

    return digest_of_frames(file), b""


def _sent_frame(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_sent import sent_frame

    return sent_frame(file, int(question["frame"]), as_stored=bool(question["as_stored"]))


def _decoded_object(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_sent import decoded_object

    return {}, decoded_object(file)


def _metadata(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_json import metadata

    return {}, metadata(file, question["base"])


def _bulk_data(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_json import bulk_data

    return {}, bulk_data(file, question["path"])


def _picture(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_drawn import picture

    return {}, picture(file, int(question["frame"]), question)


def _document(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_report import document_of

    return document_of(file), b""


def _segments(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_segmentation import segments_of

    return segments_of(file), b""


def _marks(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_segmentation import marks_of

    return marks_of(file, question["onto"])


def _assessment(file: BinaryIO, question: Mapping[str, Any]) -> Answer:
    from service.adapters.foreign_assessment import assessment_of

    return assessment_of(file), b""


_QUESTIONS: dict[str, Callable[[BinaryIO, Mapping[str, Any]], Answer]] = {
    "header": lambda file, question: (header_of(file), b""),
    "rejection": lambda file, question: (rejection_of(file), b""),
    "document": _document,
    "segments": _segments,
    "marks": _marks,
    "assessment": _assessment,
    "pixel digest": lambda file, question: (digest_of_pixels(file), b""),
    "picture digest": _picture_digest,
    "frame": _frame,
    "rescaled": _rescaled,
    "sent frame": _sent_frame,
    "decoded object": _decoded_object,
    "metadata": _metadata,
    "bulk data": _bulk_data,
    "picture": _picture,
}


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    _limit(int(sys.argv[2]))
    warnings.simplefilter("ignore")
    connection.sendall(READY)
    while True:
        question, descriptor = _hear(connection)
        _allow_cpu(question["cpu_s"])
        head, body = _answer(question, descriptor)
        data = json.dumps(head).encode()
        connection.sendall(len(data).to_bytes(8, "big") + len(body).to_bytes(8, "big") + data)
        connection.sendall(body)


def _answer(question: Mapping[str, Any], descriptor: int) -> Answer:
    with BufferedReader(open(descriptor, "rb", buffering=0)) as file:
        try:
            file.seek(0)
            return _QUESTIONS[question["what"]](file, question)
        except PrereadError as error:
            kind = "unsupported" if isinstance(error, Unsupported) else "unreadable"
            return {"error": kind, "reason": str(error)}, b""
        except MemoryError:
            os._exit(OUT_OF_MEMORY)  # the heap is in pieces; the next question deserves a fresh process
        except ImportError as error:  # an upgrade in progress, say; no bytes do this
            return {"error": "unavailable", "reason": f"A module of ours cannot be loaded ({error.name})."}, b""
        except Exception as error:  # the boundary: whatever a parser makes of foreign bytes is the bytes' fault
            reason = "The object cannot be read: its reader failed on it."
            return {"error": "unreadable", "reason": reason, "because": type(error).__name__}, b""


def _hear(connection: socket.socket) -> tuple[dict[str, Any], int]:
    """The next question and the descriptor that came with it; ends the process when the parent is gone."""
    data, descriptors, _, _ = socket.recv_fds(connection, 65536, 1)
    if not data:
        sys.exit(0)
    size = int.from_bytes(data[:8], "big")
    while len(data) < 8 + size:
        more = connection.recv(65536)
        if not more:
            sys.exit(0)
        data += more
    question: dict[str, Any] = json.loads(data[8:])
    return question, descriptors[0]


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # macOS knows the limit and ignores it
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _allow_cpu(seconds: int) -> None:
    """So much CPU time more; the kernel ends the process beyond it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    allowed = used + seconds if hard == resource.RLIM_INFINITY else min(used + seconds, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, hard))


if __name__ == "__main__":
    sys.setrecursionlimit(600)
    main()
