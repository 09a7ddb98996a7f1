"""Phi-1.5 and Phi-2, and what was tuned from them (Rad-Phi2): text only."""

from typing import Any

from export.checkpoint import Checkpoint
from export.family import Parts
from export.fitting import Join
from export.text import text_form, text_parts
from export.trouble import ExportError

ARCHITECTURES = frozenset({"PhiForCausalLM"})
INEXACT = ()
JOINS = (
    Join(("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), ("attn.qkv_proj",)),
    Join(("self_attn.dense",), ("attn.o_proj",)),
    Join(("mlp.fc1",), ("mlp.fc1",)),
    Join(("mlp.fc2",), ("mlp.fc2",)),
)
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}Instruct: {{ message['content'] }}\n"
    "{% else %}{{ message['content'] }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}Output:{% endif %}"
)
"""From the model card of microsoft/phi-2, "QA format": the checkpoint itself brings none."""


def check(config: dict[str, Any]) -> None:
    """Refuse the variants that the builder would leave out without a word."""
    if config.get("qk_layernorm"):
        raise ExportError("this Phi normalises queries and keys (qk_layernorm), which the builder leaves out")


def take_apart(checkpoint: Checkpoint) -> Parts:
    """Return the whole model: it is its decoder."""
    return text_parts(checkpoint)


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return a form without images."""
    return text_form(parts)
