"""An adapter merged into a checkpoint on disk: the adapted weights change by scale B A, everything else by no byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import tiny_adapter, tiny_checkpoint
from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from export.checkpoint import open_checkpoint, weights  # noqa: E402 - importable from here on
from export.lora import read_lora  # noqa: E402
from export.merge import merged  # noqa: E402
from export.trouble import ExportError  # noqa: E402


def tensors(folder: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of a folder whose weights are all F32."""
    found = {}
    for file in weights(folder):
        data = file.read_bytes()
        begins = 8 + int.from_bytes(data[:8], "little")
        for name, told in json.loads(data[8:begins]).items():
            if name != "__metadata__":
                first, last = (begins + at for at in told["data_offsets"])
                found[name] = np.frombuffer(data[first:last], "<f4").reshape(told["shape"])
    return found


@pytest.mark.parametrize("layout", ["phi", "llava"])
def test_the_adapted_weights_change_by_the_adapter_alone(layout: str, tmp_path: Path) -> None:
    write = tiny_checkpoint.FAMILIES[layout]
    checkpoint, adapter = write(tmp_path / "base"), tiny_adapter.write(tmp_path / "adapter", layout)
    lora = merged(checkpoint, adapter, tmp_path / "merged")
    assert open_checkpoint(tmp_path / "merged").architecture == open_checkpoint(checkpoint).architecture
    before, after = tensors(checkpoint), tensors(tmp_path / "merged")
    assert list(before) == list(after)
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert len(changed) == len(lora.pairs)
    prefix = tiny_adapter.TARGETS[layout].prefix
    for (layer, module), pair in read_lora(adapter).pairs.items():
        name = f"{prefix}.layers.{layer}.{module}.weight"
        np.testing.assert_allclose(after[name], before[name] + 2.0 * (pair.up @ pair.down), atol=1e-5)


def test_an_adapter_of_another_base_is_not_merged(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint.phi(tmp_path / "base")
    for name, layout, more, sentence in (
        ("family", "phi3", {}, "adapts layers.0.mlp.down_proj, which the checkpoint has not: .*microsoft/Phi-3-mini"),
        ("layers", "llava", {"modules": ["self_attn.q_proj"], "prefix": "model.x"}, "is not the decoder"),
    ):
        adapter = tiny_adapter.write(tmp_path / name, layout, **more)  # type: ignore[arg-type]
        with pytest.raises(ExportError, match=sentence):
            merged(checkpoint, adapter, tmp_path / "merged")
        assert not (tmp_path / "merged").exists()
