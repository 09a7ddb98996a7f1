"""A checkpoint with an adapter merged into its weights: W + scale B A, for decoders that have no room for adapters.

Needs no framework: the weights are read and written as they lie on disk, with the names that their makers published.
"""

import json
import re
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from export.checkpoint import LENGTH, Checkpoint, open_checkpoint, weights
from export.lora import DECODERS, Floats, Key, Lora, floats, read_lora
from export.trouble import ExportError

COPIED_BYTES = 1 << 24
SPLIT = re.compile(r"(?:(.*)\.)?layers\.(\d+)\.(.+)\.weight")


def merged(checkpoint: Path, adapter: Path, out: Path) -> Lora:
    """Write the checkpoint with the adapter into the folder `out`; returns the adapter. Raises ExportError."""
    base, lora = open_checkpoint(checkpoint), read_lora(adapter)
    places = _places(base)
    _check(lora, places)
    out.mkdir(parents=True)
    for file in sorted(checkpoint.iterdir()):
        if file.is_file() and file not in weights(checkpoint):
            shutil.copyfile(file, out / file.name)
    wanted = {places[key]: key for key in lora.pairs}
    for file in weights(checkpoint):
        _merge_file(file, out / file.name, lora, wanted)
    return lora


def _places(checkpoint: Checkpoint) -> dict[Key, str]:
    """Return the weights of the decoder's layers: what names them, by layer and module."""
    found = {}
    for file in weights(checkpoint.path):
        for name in _header(file)[0]:
            if (at := SPLIT.fullmatch(name)) and (at[1] or "") in DECODERS:
                found[int(at[2]), at[3]] = name
    return found


def _check(lora: Lora, places: Mapping[Key, str]) -> None:
    if strange := sorted(f"layers.{layer}.{module}" for layer, module in set(lora.pairs) - set(places)):
        raise ExportError(
            f"the adapter adapts {strange[0]}, which the checkpoint has not: it is of another base "
            f"({lora.base or 'it does not say which'})"
        )
    layers = 1 + max(layer for layer, _ in places)
    lacks = [f"layers.{n}.{m}" for n in range(layers) for m in lora.modules if (n, m) not in lora.pairs]
    if lacks and not lora.partial:
        raise ExportError(f"the adapter lacks weights of {lacks[0]}: it is incomplete, or of a smaller base")


def _header(file: Path) -> tuple[dict[str, Any], int]:
    """Return the tensors of a safetensors file, and where their bytes begin."""
    with file.open("rb") as stream:
        length = LENGTH.unpack(stream.read(LENGTH.size))[0]
        told = json.loads(stream.read(length))
    return {name: one for name, one in told.items() if name != "__metadata__"}, LENGTH.size + length


def _merge_file(file: Path, out: Path, lora: Lora, wanted: Mapping[str, Key]) -> None:
    """Write one file of weights anew; what is adapted becomes fp32, the rest stays byte for byte."""
    tensors, begins = _header(file)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    ends = 0
    for name, told in tensors.items():
        first, last = told["data_offsets"]
        adapted = name in wanted
        size = 4 * int(np.prod(told["shape"])) if adapted else last - first
        kind = "F32" if adapted else told["dtype"]
        header[name] = {"dtype": kind, "shape": told["shape"], "data_offsets": [ends, ends + size]}
        ends += size
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % LENGTH.size)
    with file.open("rb") as stream, out.open("wb") as made:
        made.write(struct.pack("<Q", len(head)) + head)
        for name, told in tensors.items():
            first, last = told["data_offsets"]
            stream.seek(begins + first)
            if name in wanted:
                made.write(_merged(stream.read(last - first), told, name, lora, wanted[name]).tobytes())
            else:
                _copy(stream, made, last - first)


def _copy(stream: BinaryIO, made: BinaryIO, size: int) -> None:
    while size:
        block = stream.read(min(size, COPIED_BYTES))
        made.write(block)
        size -= len(block)


def _merged(raw: bytes, told: Mapping[str, Any], name: str, lora: Lora, key: Key) -> Floats:
    pair, weight = lora.pairs[key], floats(raw, told["dtype"], told["shape"], name)
    if weight.shape != (pair.up.shape[0], pair.down.shape[1]):
        raise ExportError(
            f"the adapter changes {list(weight.shape)} of {name} by {pair.up.shape[0]} x {pair.down.shape[1]}: "
            f"it is of another base ({lora.base or 'it does not say which'})"
        )
    added: Floats = np.float32(pair.scale) * (pair.up @ pair.down)
    return np.ascontiguousarray(weight + added, "<f4")
