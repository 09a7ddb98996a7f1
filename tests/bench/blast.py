"""A sender that costs nothing while it is measured: every object is encoded before the clock starts."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from struct import pack, unpack

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import generate_uid

from tests.support.senders import associate_request, command, connect, p_data, receive_pdu, status_in

PLACE = "1.2.826.0.1.3680043.8.498." + "9" * 38
"""Stands for an object's own UID, which is as long (64 characters)."""
PIXELS = b"\xe0\x7f\x10\x00OW"


@dataclass(frozen=True)
class Objects:
    """Objects of one kind and size, alike but for their UIDs."""

    encoded: bytes
    """A data set in explicit VR little endian, with PLACE as its SOP Instance UID."""
    count: int

    @property
    def megabytes(self) -> float:
        return len(self.encoded) * self.count / 1e6

    def write(self, folder: Path) -> list[Path]:
        """The same objects as files, for senders that read them."""
        template = Path(str(get_testdata_file("CT_small.dcm")))
        files = []
        for number in range(self.count):
            dataset = dcmread(template)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            _enlarge(dataset, _side(self.encoded))
            files.append(folder / f"{number}.dcm")
            dataset.save_as(files[-1], enforce_file_format=True)
        return files


def ct(count: int, *, side: int) -> Objects:
    """CT slices of `side` x `side` pixels of 16 bits, from pydicom's own sample."""
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SOPInstanceUID = PLACE
    _enlarge(dataset, side)
    encoded = DicomBytesIO()
    encoded.is_little_endian, encoded.is_implicit_VR = True, False
    write_dataset(encoded, dataset)
    return Objects(encoded.getvalue(), count)


def _enlarge(dataset: object, side: int) -> None:
    pixels = dataset.pixel_array  # type: ignore[attr-defined]
    times = side // pixels.shape[0] + 1
    large = np.kron(pixels, np.ones((times, times), pixels.dtype))[:side, :side]
    dataset.Rows = dataset.Columns = side  # type: ignore[attr-defined]
    dataset.PixelData = large.tobytes()  # type: ignore[attr-defined]


def _side(encoded: bytes) -> int:
    at = encoded.index(b"\x28\x00\x10\x00US")
    return int(unpack("<H", encoded[at + 8 : at + 10])[0])


def blast(port: int, objects: Objects, associations: int) -> float:
    """Send the objects over so many associations at once; returns seconds from the first byte to the last response."""
    lines = [Line(port, objects, objects.count // associations) for _ in range(associations)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(associations) as pool:
        list(pool.map(Line.send, lines))
    took_s = time.perf_counter() - begun
    for line in lines:
        line.close()
    return took_s


class Line:
    """One association with what it will carry."""

    def __init__(self, port: int, objects: Objects, count: int) -> None:
        self._peer, most = _associated(port)
        self._messages = [_message(objects.encoded, most) for _ in range(count)]

    def send(self) -> None:
        """Each object as soon as the one before was answered. Raises AssertionError where one was not stored."""
        for message in self._messages:
            self._peer.sendall(message)
            assert status_in(receive_pdu(self._peer)) == 0

    def close(self) -> None:
        self._peer.sendall(pack(">BxII", 5, 4, 0))
        receive_pdu(self._peer)
        self._peer.close()


def send_large(port: int, megabytes: int) -> None:
    """Send one object with so many megabytes (10^6 bytes) of pixels, which are made on the way."""
    peer, most = _associated(port)
    encoded, own, left = ct(1, side=64).encoded, str(generate_uid()).encode(), megabytes * 10**6
    head = encoded[: encoded.index(PIXELS)].replace(_element(PLACE.encode()), _element(own))
    peer.sendall(p_data(1, 3, command(sop_instance=own)))
    peer.sendall(p_data(1, 0, head + PIXELS + bytes(2) + pack("<L", left)))
    block = p_data(1, 0, bytes(most - 6 & ~1))
    while left > len(block) - 12:
        peer.sendall(block)
        left -= len(block) - 12
    peer.sendall(p_data(1, 2, bytes(left)))
    peer.settimeout(120)
    assert status_in(receive_pdu(peer)) == 0
    peer.close()


def _element(uid: bytes) -> bytes:
    """(0008,0018) in explicit VR little endian."""
    return b"\x08\x00\x18\x00UI" + pack("<H", len(uid) + len(uid) % 2) + uid + b"\0" * (len(uid) % 2)


def _associated(port: int) -> tuple[socket.socket, int]:
    """A connection with an accepted association, and the bytes of the largest PDU that it will be sent."""
    peer = connect(port)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(associate_request())
    accepted = receive_pdu(peer)
    assert accepted[0] == 2, f"not accepted: {accepted.hex()}"
    most = unpack(">L", accepted[accepted.index(b"\x51\0\0\x04") + 4 :][:4])[0] or 131072
    return peer, min(most, 131072)


def _message(encoded: bytes, most: int) -> bytes:
    """One C-STORE-RQ with its data set, in PDUs of at most `most` bytes."""
    uid = generate_uid(entropy_srcs=None)
    own = (str(uid) + "1" * 64)[:64].rstrip(".").encode()
    data, room = encoded.replace(PLACE.encode(), own), most - 6
    pieces: Sequence[bytes] = [data[at : at + room] for at in range(0, len(data), room)]
    parts = [p_data(1, 2 if at == len(pieces) - 1 else 0, piece) for at, piece in enumerate(pieces)]
    return b"".join([p_data(1, 3, command(sop_instance=own)), *parts])
