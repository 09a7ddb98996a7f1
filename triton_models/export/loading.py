"""Weights into the framework's model: all of them, and nothing that is not there."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from export.checkpoint import Checkpoint
from export.trouble import ExportError

SHOWN = 3
WIDEST_MESSAGE = 500


def load_whole(kind: Any, checkpoint: Checkpoint, **options: Any) -> Any:
    """Return `kind`'s model of the checkpoint in fp32, evaluation mode.

    Raises ExportError for weights that are missing or have another shape: transformers fills them with random numbers.
    """
    try:
        model, told = kind.from_pretrained(
            checkpoint.path, dtype=torch.float32, local_files_only=True, output_loading_info=True, **options
        )
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        raise ExportError(f"the weights do not fit config.json: {str(error)[:WIDEST_MESSAGE]}") from error
    require_all(told)
    return model.eval()


def load_named(module: Any, named: Mapping[str, Tensor], *, prefix: str = "") -> Any:
    """Return `module` in fp32 with the weights `named`; a `prefix` that the module's own names lack is taken away.

    Raises ExportError for what lacks or has another shape.
    """
    if prefix and not any(name.startswith(prefix) for name in module.state_dict()):
        named = {name.removeprefix(prefix): tensor for name, tensor in named.items()}
    try:
        told = module.float().load_state_dict(named, strict=False)
    except RuntimeError as error:
        raise ExportError(f"the weights do not fit config.json: {str(error)[:WIDEST_MESSAGE]}") from error
    if told.missing_keys:
        raise ExportError(f"the checkpoint lacks weights ({_some(told.missing_keys)}): it is incomplete")
    return module.eval()


def require_all(told: Any) -> None:
    """Raise ExportError for what `told` (transformers' loading info) lists as missing or of another shape."""
    if missing := sorted(map(str, told["missing_keys"])):
        raise ExportError(f"the checkpoint lacks weights ({_some(missing)}): it is incomplete, or of another model")
    if wrong := sorted(map(str, told["mismatched_keys"])):
        raise ExportError(f"weights have another shape than config.json says ({_some(wrong)})")


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
