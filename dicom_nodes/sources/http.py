"""HTTP to an archive of earlier studies: every answer bounded in bytes and in time, its header, too."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from dicom_nodes.sources.envelope import Envelope
from service.domain.errors import Misconfigured, Unavailable, Unreadable
from service.domain.prior import PriorNode
from service.ports.priors import Begin, Left
from service.ports.spool import Incoming

MAX_ANSWER_BYTES = 8 * 1024**2
_OK, _NOTHING = 200, 204
_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


def base_url(node: PriorNode, prefix: str) -> str:
    """The node's URL as HTTP knows it. Raises Misconfigured without a host."""
    url = node.url.removeprefix(prefix)
    if not urlsplit(url).hostname:
        raise Misconfigured(f"Priors {node.name}: {node.url!r} is not {prefix}http(s)://host/root; write it so.")
    return url.rstrip("/")


class HttpArchive:
    """One archive by its base URL. Every question raises Unavailable if it is away, slow or endless."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url
        # Certificates are read once, and not at all where there is nothing to verify.
        self._verify = httpx.create_ssl_context(trust_env=False) if url.startswith("https:") else False

    def ask(self, path: str, *, accept: str, left_s: Left, body: Mapping[str, Any] | None = None) -> Any:
        """An answer in JSON; an empty list for none. With a `body` it is a POST. Raises Unreadable."""
        told = bytearray()
        with self._answering(path, accept, left_s, body) as answer:
            for piece in answer.iter_raw():
                told += piece
                if len(told) > MAX_ANSWER_BYTES:
                    raise Unavailable(f"{self.name} answers with more than {MAX_ANSWER_BYTES} bytes")
                self._in_time(left_s)
        try:
            return json.loads(bytes(told) or b"[]")
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"{self.name} answers a query with something that is no JSON") from error

    def bring(self, path: str, *, accept: str, left_s: Left, begin: Begin) -> Incoming:
        """The object that is the answer, or the first one in its envelope. Raises Unreadable for half of one."""
        incoming = begin()
        with self._answering(path, accept, left_s, None) as answer:
            envelope = Envelope(answer.headers.get("Content-Type", ""))
            for piece in answer.iter_raw():
                try:
                    incoming.write(envelope.open(piece))
                except ValueError as error:
                    raise Unreadable(f"{self.name} gives an object in an envelope that does not begin") from error
                self._in_time(left_s)
        if not envelope.ended:
            raise Unreadable(f"{self.name} gives an object in an envelope that does not end")
        return incoming

    @contextmanager
    def _answering(
        self, path: str, accept: str, left_s: Left, body: Mapping[str, Any] | None
    ) -> Iterator[httpx.Response]:
        self._in_time(left_s)
        connections: list[socket.socket] = []

        def note(event: str, info: Mapping[str, Any]) -> None:
            if event in _CONNECTED:
                connections.append(info["return_value"].get_extra_info("socket"))

        # httpx times every read, and a header may come a byte at a time for ever.
        deadline = threading.Timer(left_s(), _cut, [connections])
        deadline.daemon = True
        deadline.start()
        try:
            with (
                httpx.Client(verify=self._verify, timeout=max(left_s(), 0.001), trust_env=False) as client,
                client.stream(
                    "GET" if body is None else "POST", f"{self._url}{path}", json=body,
                    headers={"Accept": accept, "Accept-Encoding": "identity"}, extensions={"trace": note},
                ) as answer,
            ):  # fmt: skip
                if answer.status_code not in {_OK, _NOTHING}:
                    raise Unavailable(f"{self.name} answers with HTTP {answer.status_code}")
                yield answer
            self._in_time(left_s)
        except httpx.HTTPError as error:
            away = "cannot be reached" if isinstance(error, httpx.ConnectError) else "breaks off"
            slow = isinstance(error, httpx.TimeoutException) or left_s() <= 0
            raise Unavailable(f"{self.name} {'did not answer in time' if slow else away}") from error
        finally:
            deadline.cancel()

    def _in_time(self, left_s: Left) -> None:
        if left_s() <= 0:
            raise Unavailable(f"{self.name} did not answer in time")


def _cut(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
