"""llama.cpp as a peer of the decoding bench: the framework's weights as GGUF, and its batched decoder.

Needs the packages llama-cpp-python and gguf; where they are not installed it takes no part.
"""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}  # fmt: skip
CORES = len(os.sched_getaffinity(0))


def converted(folder: Path, precision: str) -> Path:
    """Return the GGUF of `folder`/framework in fp32 or int4 (Q4_0), written where it is not there yet."""
    import llama_cpp

    exact, file = folder / "fp32.gguf", folder / f"{precision}.gguf"
    if not exact.exists():
        _write(folder / "framework", exact)
    if not file.exists():
        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0
        params.pure = True
        assert llama_cpp.llama_model_quantize(bytes(exact), bytes(file), ctypes.byref(params)) == 0
    return file


def _write(framework: Path, file: Path) -> None:
    import gguf
    from safetensors.numpy import load_file

    config: dict[str, Any] = json.loads((framework / "config.json").read_text())
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    for name, weights in load_file(framework / "model.safetensors").items():
        writer.add_tensor(_name(name), _paired(name, weights, config["num_attention_heads"]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _name(name: str) -> str:
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, *rest = name.removesuffix(".weight").split(".")
    return f"blk.{layer}.{NAMES['.'.join(rest)]}.weight"


def _paired(name: str, weights: Any, heads: int) -> Any:
    """llama.cpp turns neighbours where the framework turns halves of a head (rotary positions)."""
    if "q_proj" not in name and "k_proj" not in name:
        return weights
    rows, columns = weights.shape
    return np.ascontiguousarray(weights.reshape(heads, 2, -1, columns).swapaxes(1, 2).reshape(rows, columns))


class Decoder:
    """One loaded GGUF and a context for a batch of sequences."""

    def __init__(self, file: Path, prompts: Any, most: int) -> None:
        """`prompts` is (batch, tokens); at most `most` tokens are decoded after them."""
        import llama_cpp

        self._api, self._prompts = llama_cpp, prompts
        batch, length = prompts.shape
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(bytes(file), llama_cpp.llama_model_default_params())
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = batch * (length + most)
        params.n_batch = params.n_ubatch = batch * length
        params.n_seq_max = batch
        params.n_threads = params.n_threads_batch = CORES
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        self._batch = llama_cpp.llama_batch_init(batch * length, 0, 1)

    def decode(self, tokens: int) -> list[list[int]]:
        """Read the prompts anew and write `tokens` tokens after each, greedily."""
        self._api.llama_memory_clear(self._api.llama_get_memory(self._context), True)
        sequences, length = self._prompts.shape
        step = [(int(id_), at, row) for row in range(sequences) for at, id_ in enumerate(self._prompts[row])]
        written: list[list[int]] = [[] for _ in range(sequences)]
        for number in range(tokens):
            ends = self._run(step, wanted=length - 1 + number)
            for row, at in enumerate(ends):
                logits = self._api.llama_get_logits_ith(self._context, at)
                written[row].append(int(np.ctypeslib.as_array(logits, (self._vocabulary,)).argmax()))
            step = [(written[row][-1], length + number, row) for row in range(sequences)]
        return written

    def _run(self, step: list[tuple[int, int, int]], *, wanted: int) -> list[int]:
        """Run (token, position, sequence) through the model; returns where those at position `wanted` stand."""
        self._batch.n_tokens = len(step)
        for at, (token, position, sequence) in enumerate(step):
            self._batch.token[at], self._batch.pos[at] = token, position
            self._batch.n_seq_id[at], self._batch.seq_id[at][0] = 1, sequence
            self._batch.logits[at] = position == wanted
        assert self._api.llama_decode(self._context, self._batch) == 0
        return [at for at, (_, position, _) in enumerate(step) if position == wanted]
