"""Tiny random checkpoints of the families that the plain engine serves, as `tiny_checkpoint` writes the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support import tiny_checkpoint
from tests.support.tiny_checkpoint import (
    EOS,
    PAD,
    random_weights,
    vocabulary,
    write,
    write_processor,
    write_safetensors,
    write_tokenizer,
)

GEMMA_TEMPLATE = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""
QWEN_TEMPLATE = (
    "{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}"
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "{% set image_count.value = image_count.value + 1 %}"
    "{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif content['type'] == 'video' or 'video' in content %}"
    "{% set video_count.value = video_count.value + 1 %}"
    "{% if add_vision_id %}Video {{ video_count.value }}: {% endif %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA_WORDS = ("\u2581the", "\u2581heart", "\u2581is", "\u2581effusion", "Write", "\u2581report", "model")
EMBEDDING = "language_model.model.embed_tokens.weight"
Shapes = dict[str, Sequence[int]]


def gemma3(folder: Path) -> Path:
    """google/medgemma-4b-it: a SigLIP tower pooled into 16 tokens; sliding, full and sliding layers."""
    folder.mkdir(parents=True)
    marks = write_gemma_tokenizer(folder)
    # The vocabulary is longer than the tokenizer's, as the published one is.
    words, width, inner, seen, size = len(marks) + 3, 64, 128, 32, 32
    ends = [marks["<eos>"], marks["<end_of_turn>"]]
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": marks["<start_of_image>"],
        "eoi_token_index": marks["<end_of_image>"], "eos_token_id": ends,
        "image_token_index": marks["<image_soft_token>"], "initializer_range": 0.02, "mm_tokens_per_image": 16,
        "model_type": "gemma3", "torch_dtype": "float32", "transformers_version": "4.51.3",
        "text_config": {
            "attention_bias": False, "attention_dropout": 0.0, "attn_logit_softcapping": None,
            "cache_implementation": "hybrid", "final_logit_softcapping": None, "head_dim": size,
            "hidden_activation": "gelu_pytorch_tanh", "hidden_size": width, "initializer_range": 0.02,
            "intermediate_size": inner, "max_position_embeddings": 512, "model_type": "gemma3_text",
            "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2, "query_pre_attn_scalar": size,
            "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000.0,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "rope_theta": 1000000.0, "sliding_window": 24,
            "sliding_window_pattern": 2, "torch_dtype": "float32", "use_cache": True, "vocab_size": words,
        },
        "vision_config": {
            "attention_dropout": 0.0, "hidden_act": "gelu_pytorch_tanh", "hidden_size": seen, "image_size": 112,
            "intermediate_size": 64, "layer_norm_eps": 1e-06, "model_type": "siglip_vision_model",
            "num_attention_heads": 2, "num_channels": 3, "num_hidden_layers": 2, "patch_size": 14,
            "torch_dtype": "float32", "vision_use_head": False,
        },
    }  # fmt: skip
    shapes: Shapes = {EMBEDDING: (words, width)}
    for layer in range(3):
        at = f"language_model.model.layers.{layer}"
        for norm in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            shapes[f"{at}.{norm}_layernorm.weight"] = (width,)
        shapes |= _attention(at, width, 4 * size, 2 * size)
        shapes |= {f"{at}.self_attn.{name}_norm.weight": (size,) for name in "qk"} | _gated(f"{at}.mlp", width, inner)
    shapes |= {
        "language_model.model.norm.weight": (width,),
        "multi_modal_projector.mm_input_projection_weight": (seen, width),
        "multi_modal_projector.mm_soft_emb_norm.weight": (seen,),
    }
    _write_ends(folder, ends)
    write_processor(folder, {
        "do_pan_and_scan": None, "image_mean": [0.5] * 3, "image_processor_type": "Gemma3ImageProcessor",
        "image_seq_length": 16, "image_std": [0.5] * 3, "processor_class": "Gemma3Processor", "resample": 2,
        "size": {"height": 112, "width": 112},
    })  # fmt: skip
    weights = random_weights(shapes | _siglip(seen, 64, layers=2, patches=64))
    # Words are also what logits are made of: loud ones would repeat themselves, and bytes alone are no text.
    weights[EMBEDDING] *= 0.1
    weights[EMBEDDING][[number for word, number in marks.items() if word.startswith("<0x")]] *= 0.1
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", weights)
    return folder


def write_gemma_tokenizer(folder: Path) -> dict[str, int]:
    """Write a small tokenizer with Gemma's parts (blanks as a letter, bytes for what has none); returns its numbers."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>",
               "<end_of_image>", "<image_soft_token>"]  # fmt: skip
    lines = ["\n", "\n\n", "\n\n\n"]
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)] + ["\u2581"]
    merges = [(word[:end], word[end]) for word in GEMMA_WORDS for end in range(1, len(word))]
    merges = list(dict.fromkeys(merges))
    words = [*special, *lines, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, *map("".join, merges)]
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    blank = {"String": " "}
    beginning = [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": numbers[word], "content": word, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": word in special}
            for word in (*special, *lines)
        ],
        "normalizer": {"type": "Replace", "pattern": blank, "content": "\u2581"},
        "pre_tokenizer": {"type": "Split", "pattern": blank, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing", "single": beginning, "pair": beginning,
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [numbers["<bos>"]], "tokens": ["<bos>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                         {"type": "ByteFallback"}, {"type": "Fuse"}],
        },
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
            "vocab": numbers, "merges": merges,
        },
    }  # fmt: skip
    config = {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<bos>", "chat_template": GEMMA_TEMPLATE,
        "clean_up_tokenization_spaces": False, "eos_token": "<eos>", "pad_token": "<pad>",
        "tokenizer_class": "GemmaTokenizer", "unk_token": "<unk>",
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return numbers


def _siglip(width: int, inner: int, *, layers: int, patches: int) -> Shapes:
    at = "vision_tower.vision_model"
    shapes: Shapes = _biased(f"{at}.embeddings.patch_embedding", (width, 3, 14, 14))
    shapes |= _biased(f"{at}.post_layernorm", (width,))
    shapes[f"{at}.embeddings.position_embedding.weight"] = (patches, width)
    for layer in range(layers):
        inside = f"{at}.encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _biased(f"{inside}.self_attn.{name}", (width, width))
        shapes |= _biased(f"{inside}.layer_norm1", (width,)) | _biased(f"{inside}.layer_norm2", (width,))
        shapes |= _biased(f"{inside}.mlp.fc1", (inner, width)) | _biased(f"{inside}.mlp.fc2", (width, inner))
    return shapes


def qwen2_5_vl(folder: Path) -> Path:
    """Qwen/Qwen2.5-VL-7B-Instruct, whose layout CheXOne, NV-Reason-CXR and Lingshu have: windows of 2 x 2 tokens."""
    folder.mkdir(parents=True)
    names = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>",
             "<|video_pad|>")  # fmt: skip
    marks = write_tokenizer(folder, kind="Qwen2Tokenizer", marks=names, template=QWEN_TEMPLATE)
    words, width, inner, seen = vocabulary() + len(marks) + 5, 128, 128, 64
    config = {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"], "attention_dropout": 0.0, "bos_token_id": PAD,
        "eos_token_id": marks["<|im_end|>"], "vision_start_token_id": marks["<|vision_start|>"],
        "vision_end_token_id": marks["<|vision_end|>"], "vision_token_id": marks["<|vision_pad|>"],
        "image_token_id": marks["<|image_pad|>"], "video_token_id": marks["<|video_pad|>"], "hidden_act": "silu",
        "hidden_size": width, "initializer_range": 0.02, "intermediate_size": inner, "max_position_embeddings": 1024,
        "max_window_layers": 3, "model_type": "qwen2_5_vl", "num_attention_heads": 4, "num_hidden_layers": 3,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768,
        "tie_word_embeddings": False, "torch_dtype": "float32", "transformers_version": "4.41.2", "use_cache": True,
        "use_sliding_window": False, "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
        "vision_config": {
            "depth": 4, "hidden_act": "silu", "hidden_size": seen, "intermediate_size": 96, "num_heads": 2,
            "in_chans": 3, "out_hidden_size": width, "patch_size": 14, "spatial_merge_size": 2,
            "spatial_patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1, 3], "tokens_per_second": 2,
            "temporal_patch_size": 2,
        },
        "vocab_size": words,
    }  # fmt: skip
    shapes: Shapes = {"model.embed_tokens.weight": (words, width), "lm_head.weight": (words, width)}
    for layer in range(3):
        at = f"model.layers.{layer}"
        shapes |= {f"{at}.{norm}_layernorm.weight": (width,) for norm in ("input", "post_attention")}
        shapes |= _attention(at, width, width, width // 2) | _gated(f"{at}.mlp", width, inner)
        shapes |= {f"{at}.self_attn.{name}_proj.bias": (length,) for name, length in
                   (("q", width), ("k", width // 2), ("v", width // 2))}  # fmt: skip
    for block in range(4):
        at = f"visual.blocks.{block}"
        shapes |= {f"{at}.norm1.weight": (seen,), f"{at}.norm2.weight": (seen,)}
        shapes |= _biased(f"{at}.attn.qkv", (3 * seen, seen)) | _biased(f"{at}.attn.proj", (seen, seen))
        for name, shape in (("gate", (96, seen)), ("up", (96, seen)), ("down", (seen, 96))):
            shapes |= _biased(f"{at}.mlp.{name}_proj", shape)
    shapes |= {"model.norm.weight": (width,), "visual.patch_embed.proj.weight": (seen, 3, 2, 14, 14),
               "visual.merger.ln_q.weight": (seen,)}  # fmt: skip
    shapes |= _biased("visual.merger.mlp.0", (4 * seen, 4 * seen)) | _biased("visual.merger.mlp.2", (width, 4 * seen))
    _write_ends(folder, [marks["<|im_end|>"], EOS])
    write_processor(folder, {
        "image_processor_type": "Qwen2VLImageProcessor", "max_pixels": 170 * 170, "merge_size": 2, "min_pixels": 3136,
        "patch_size": 14, "processor_class": "Qwen2_5_VLProcessor", "temporal_patch_size": 2,
    })  # fmt: skip
    # With this seed its answers are long enough to be streamed.
    return write(folder, config, shapes, seed=9)


def _biased(name: str, shape: Sequence[int]) -> Shapes:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _attention(at: str, width: int, queries: int, keys: int) -> Shapes:
    inside = f"{at}.self_attn"
    return {
        f"{inside}.q_proj.weight": (queries, width), f"{inside}.k_proj.weight": (keys, width),
        f"{inside}.v_proj.weight": (keys, width), f"{inside}.o_proj.weight": (width, queries),
    }  # fmt: skip


def _gated(at: str, width: int, inner: int) -> Shapes:
    return {
        f"{at}.gate_proj.weight": (inner, width), f"{at}.up_proj.weight": (inner, width),
        f"{at}.down_proj.weight": (width, inner),
    }  # fmt: skip


def _write_ends(folder: Path, ends: Sequence[int]) -> None:
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ends, "pad_token_id": PAD}))


FAMILIES: Mapping[str, Callable[[Path], Path]] = {"gemma3": gemma3, "qwen2_5_vl": qwen2_5_vl}
"""What writes a checkpoint of each layout."""
LAYOUTS: Mapping[str, Callable[[Path], Path]] = {**tiny_checkpoint.FAMILIES, **FAMILIES}
"""Those of all families."""
