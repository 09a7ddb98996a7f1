"""An adapter's pairs as the matrices that a graph has room for.

Graphs have matrices that a framework has apart (one for queries, keys and values), and apart what it has as one (the
two of a gated layer). A family says which (`JOINS`); where it says nothing, both call them the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from export.lora import SHOWN, Floats, Lora, Pair
from export.room import PREFIX, Room
from export.trouble import ExportError

Sizes = Mapping[tuple[int, str], tuple[int, int]]
"""(in, out) of the framework's modules, by layer and name within it."""


@dataclass(frozen=True)
class Join:
    """Modules whose outputs, one after another, are those of the places, one after another."""

    modules: tuple[str, ...]
    places: tuple[str, ...]


def parameters(lora: Lora, room: Room, sizes: Sizes, joins: Sequence[Join] = ()) -> dict[str, Floats]:
    """Return what the graph is given, by input, the scale within B. Raises ExportError for what does not fit."""
    known = {module: join for join in joins for module in join.modules}
    known |= {place: Join((place,), (place,)) for place in room.names if not joins}
    check(lora, sizes, known)
    found: dict[str, Floats] = {}
    for layer in sorted({layer for layer, _ in lora.pairs}):
        for join in dict.fromkeys(known[module] for at, module in lora.pairs if at == layer):
            found |= _joined(lora, room, sizes, layer, join)
    return found


def check(lora: Lora, sizes: Sizes, known: Mapping[str, Join]) -> None:
    """Raise ExportError for modules, layers and widths that the model has not."""
    if strange := sorted(set(lora.modules) - set(known)):
        raise ExportError(
            f"it adapts {_some(strange)}, which this model has no room for (it has {', '.join(sorted(known))}): "
            "it is of another family, or trained on other modules"
        )
    layers = 1 + max(layer for layer, _ in sizes)
    if deep := sorted(layer for layer, _ in lora.pairs if layer >= layers):
        raise ExportError(f"it adapts layer {deep[-1]} and the model has {layers}: it is of another base")
    if not lora.partial:
        missing = [f"layers.{n}.{m}" for n in range(layers) for m in lora.modules if (n, m) not in lora.pairs]
        if missing:
            raise ExportError(f"it lacks weights of {_some(missing)}: the file is incomplete, or of a smaller base")
    for (layer, module), pair in lora.pairs.items():
        wanted, found = sizes[layer, module], (pair.down.shape[1], pair.up.shape[0])
        if found != wanted:
            raise ExportError(
                f"layers.{layer}.{module} of it is {found[0]} wide in and {found[1]} out, the model's {wanted[0]} and "
                f"{wanted[1]}: it is of another base ({lora.base or 'it does not say which'})"
            )


def _joined(lora: Lora, room: Room, sizes: Sizes, layer: int, join: Join) -> Iterator[tuple[str, Floats]]:
    pairs = [lora.pairs.get((layer, module)) for module in join.modules]
    outs = [sizes[layer, module][1] for module in join.modules]
    down = np.concatenate([pair.down for pair in pairs if pair]).T
    up = _blocks(pairs, outs)
    begins = 0
    for place in join.places:
        width, out = room.places[layer, place]
        if width != down.shape[0]:
            raise ExportError(f"layers.{layer}.{place} takes {width} numbers and the adapter gives {down.shape[0]}")
        part = up[:, begins : begins + out]
        begins += out
        if part.any():
            yield f"{PREFIX}{layer}.{place}.A", np.ascontiguousarray(down, np.float32)
            yield f"{PREFIX}{layer}.{place}.B", np.ascontiguousarray(part, np.float32)


def _blocks(pairs: Sequence[Pair | None], outs: Sequence[int]) -> Floats:
    """Return B (ranks of all, outputs of all): each pair writes to its own module's outputs alone."""
    ranks = [pair.down.shape[0] if pair else 0 for pair in pairs]
    up = np.zeros((sum(ranks), sum(outs)), np.float32)
    row = column = 0
    for pair, rank, out in zip(pairs, ranks, outs, strict=True):
        if pair:
            up[row : row + rank, column : column + out] = (pair.up * np.float32(pair.scale)).T
        row, column = row + rank, column + out
    return up


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
