"""The contenders of the decoding bench: each loads one model and returns what decodes a number of tokens.

PyTorch's own int4 kernel for CPUs takes part no more: it was 20 times as slow as its fp32 where it was tried.

All read the same 128 tokens and write greedily. Where a batch is decoded, the runtimes decode it as a batch; the engine
answers as many questions at once, as it serves them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.triton_models.by_path import ROOT

PROMPT = 128
CORES = len(os.sched_getaffinity(0))

Decode = Callable[[int], object]


def engine(precision: str, folder: Path, batch: int, most: int) -> Decode:
    """This repository's engine: streamed, with the log-probability of each token."""
    sys.path.insert(0, str(ROOT))
    from engine import contract, engines

    loaded = engines.load(folder / precision)
    pool = ThreadPoolExecutor(batch)

    def answer(tokens: int, number: int) -> None:
        text = "".join(chr(ord("a") + letter) for letter in np.random.default_rng(number).integers(0, 26, PROMPT))
        asked = contract.Request(parts=(contract.Text(text),), max_tokens=tokens)
        (*_, last) = loaded.generate(asked)
        assert last.usage["completion_tokens"] == tokens, last.finish
        assert last.usage["prompt_tokens"] == PROMPT

    return lambda tokens: list(pool.map(partial(answer, tokens), range(batch)))


def genai(precision: str, folder: Path, batch: int, most: int) -> Decode:
    """ONNX Runtime GenAI's generator alone."""
    import onnxruntime_genai as og

    config = og.Config(str(folder / precision / "1"))
    config.overlay(f'{{"model": {{"decoder": {{"session_options": {{"intra_op_num_threads": {CORES}}}}}}}}}')
    model, ids = og.Model(config), _prompt(batch).astype(np.int32)

    def decode(tokens: int) -> None:
        params = og.GeneratorParams(model)
        length = PROMPT + tokens
        params.set_search_options(max_length=length, min_length=length, batch_size=batch, do_sample=False)
        generator = og.Generator(model, params)
        generator.append_tokens(ids if batch > 1 else ids[0])
        for _ in range(tokens):
            generator.generate_next_token()

    return decode


def transformers(precision: str, folder: Path, batch: int, most: int) -> Decode:
    """transformers' generate on PyTorch."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(CORES)
    model = AutoModelForCausalLM.from_pretrained(folder / "framework", dtype=torch.float32).eval()
    ids = torch.tensor(_prompt(batch).astype(np.int64))
    seen = torch.ones_like(ids)

    def decode(tokens: int) -> None:
        with torch.inference_mode():
            model.generate(
                ids, attention_mask=seen, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, pad_token_id=0
            )

    return decode


def llama_cpp(precision: str, folder: Path, batch: int, most: int) -> Decode:
    """llama.cpp's decoder through its own binding; int4 is its Q4_0, also 32 weights to a scale."""
    from tests.bench import decode_llama_cpp

    file = decode_llama_cpp.converted(folder, precision)
    return decode_llama_cpp.Decoder(file, _prompt(batch), most).decode


def _prompt(batch: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(10, 30000, (batch, PROMPT))


CONTENDERS: Mapping[str, Callable[[Path, int, int], Decode]] = {
    "engine fp32": partial(engine, "fp32"),
    "GenAI fp32": partial(genai, "fp32"),
    "transformers fp32": partial(transformers, "fp32"),
    "llama.cpp fp32": partial(llama_cpp, "fp32"),
    "engine int4": partial(engine, "int4"),
    "GenAI int4": partial(genai, "int4"),
    "llama.cpp int4": partial(llama_cpp, "int4"),
}
