"""Tiny random checkpoints in the layout of the hub: the published names of weights and the published config.json.

Frameworks rename both when they load and save, so what they write would not show that what people download can be
read. Written with NumPy alone; the numbers are seeded.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.unit.triton_models.by_path import ROOT

TOKENIZER = ROOT / "chest_demo" / "1" / "tokenizer.json"
Shapes = Mapping[str, Sequence[int]]
BOS, EOS, PAD = 1, 2, 0


def write_safetensors(file: Path, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Write `tensors` (github.com/huggingface/safetensors, "Format")."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tensor in tensors.items():
        ends = offset + tensor.nbytes
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, ends]}
        offset = ends
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(head)) + head)
        for tensor in tensors.values():
            out.write(np.ascontiguousarray(tensor, np.float32).tobytes())


def random_weights(shapes: Shapes, *, seed: int = 7, gain: float = 1.6) -> dict[str, NDArray[np.float32]]:
    """Weights with which a model says many different things: norms near one, the rest scaled by its width."""
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[np.float32]] = {}
    for name, shape in shapes.items():
        drawn = rng.standard_normal(shape).astype(np.float32)
        if len(shape) == 1:
            found[name] = drawn * 0.1 + (0.0 if name.endswith("bias") else 1.0)
        else:
            found[name] = drawn * np.float32(gain / math.sqrt(math.prod(shape[1:])))
    return found


def write_tokenizer(
    folder: Path, *, marks: Sequence[str] = (), kind: str, template: str | None = None
) -> dict[str, int]:
    """Write the demonstration model's words with `marks` added; returns the numbers of the marks."""
    tokenizer = json.loads(TOKENIZER.read_text(encoding="utf-8"))
    first = len(tokenizer["model"]["vocab"])
    numbers = {mark: first + at for at, mark in enumerate(marks)}
    for mark, number in numbers.items():
        tokenizer["added_tokens"].append(dict(tokenizer["added_tokens"][0], id=number, content=mark))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    config: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "tokenizer_class": kind}
    config |= {"chat_template": template} if template else {}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return numbers


def vocabulary() -> int:
    """How many words the tokenizer has before marks are added."""
    return len(json.loads(TOKENIZER.read_text(encoding="utf-8"))["model"]["vocab"])


PIECES = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *map(chr, range(33, 127)))
"""The words of a tiny tokenizer of Llama's kind: bytes, and single characters."""


def write_pieces(folder: Path, *, marks: Sequence[str], template: str, rstrip: bool = False) -> int:
    """Write a tokenizer of Llama's kind (SentencePiece: blanks are part of words, unknown characters are bytes)."""
    replaced = {"pattern": {"String": " "}, "content": "▁"}
    added = [_added(number, word, rstrip=False) for number, word in enumerate(PIECES[:3])]
    added += [_added(len(PIECES) + at, mark, rstrip=rstrip) for at, mark in enumerate(marks)]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                            {"type": "Replace", **replaced}]},
        "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {word: number for number, word in enumerate(PIECES)}, "merges": []},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    config = {"add_bos_token": False, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>",
              "pad_token": "<unk>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False, "legacy": False,
              "sp_model_kwargs": {}, "tokenizer_class": "LlamaTokenizer", "chat_template": template}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return len(PIECES) + len(marks)


def _added(number: int, word: str, *, rstrip: bool) -> dict[str, Any]:
    return {"id": number, "content": word, "single_word": False, "lstrip": False, "rstrip": rstrip,
            "normalized": False, "special": True}  # fmt: skip


def write(
    folder: Path, config: Mapping[str, Any], shapes: Shapes, *, ends: Sequence[int] = (EOS,), **weights: Any
) -> Path:
    """Write config.json, generation_config.json and the weights into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    generation = {"_from_model_config": True, "bos_token_id": BOS, "eos_token_id": list(ends), "pad_token_id": PAD}
    (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", random_weights(shapes, **weights))
    return folder


def phi(folder: Path) -> Path:
    """microsoft/phi-2, two layers of width 64."""
    folder.mkdir(parents=True)
    write_tokenizer(folder, kind="CodeGenTokenizer")
    words, width, inner, layers = vocabulary(), 64, 128, 2
    config = {
        "architectures": ["PhiForCausalLM"], "attention_dropout": 0.0, "bos_token_id": BOS, "embd_pdrop": 0.0,
        "eos_token_id": EOS, "hidden_act": "gelu_new", "hidden_size": width, "initializer_range": 0.02,
        "intermediate_size": inner, "layer_norm_eps": 1e-05, "max_position_embeddings": 512, "model_type": "phi",
        "num_attention_heads": 2, "num_hidden_layers": layers, "num_key_value_heads": 2, "partial_rotary_factor": 0.5,
        "qk_layernorm": False, "resid_pdrop": 0.1, "rope_scaling": None, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "torch_dtype": "float32", "transformers_version": "4.37.0", "use_cache": True,
        "vocab_size": words,
    }  # fmt: skip
    shapes: dict[str, Sequence[int]] = {"model.embed_tokens.weight": (words, width)}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        shapes |= _with_bias(f"{at}.input_layernorm", (width,))
        for name in ("q_proj", "k_proj", "v_proj", "dense"):
            shapes |= _with_bias(f"{at}.self_attn.{name}", (width, width))
        shapes |= _with_bias(f"{at}.mlp.fc1", (inner, width)) | _with_bias(f"{at}.mlp.fc2", (width, inner))
    shapes |= _with_bias("model.final_layernorm", (width,)) | _with_bias("lm_head", (words, width))
    return write(folder, config, shapes)


def _with_bias(name: str, shape: Sequence[int]) -> dict[str, Sequence[int]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


PHI3_MARKS = ("<|user|>", "<|assistant|>", "<|system|>", "<|end|>")
PHI3_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}"
    "{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
    "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
LLAVA_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{{ content['text'] + ' '}}{% endfor %}{% else %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}"
    "{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
PIXTRAL_TEMPLATE = (
    '{{- bos_token }}{%- for message in messages %}{%- if message["role"] == "user" %}{{- "[INST]" }}'
    '{%- if message["content"] is not string %}{%- for chunk in message["content"] %}{%- if chunk["type"] == "text" %}'
    '{{- chunk["text"] }}{%- elif chunk["type"] == "image" %}{{- "[IMG]" }}{%- endif %}{%- endfor %}{%- else %}'
    '{{- message["content"] }}{%- endif %}{{- "[/INST]" }}{%- endif %}{%- endfor %}'
)


def phi3(folder: Path, *, rope_scaling: Mapping[str, Any] | None = None) -> Path:
    """microsoft/Phi-3-mini-4k-instruct, or with `rope_scaling` its like with a long context; two layers of width 64."""
    folder.mkdir(parents=True)
    words = write_pieces(folder, marks=PHI3_MARKS, template=PHI3_TEMPLATE, rstrip=True)
    width, inner, layers = 64, 128, 2
    config = {
        "architectures": ["Phi3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": BOS,
        "embd_pdrop": 0.0, "eos_token_id": EOS, "hidden_act": "silu", "hidden_size": width, "initializer_range": 0.02,
        "intermediate_size": inner, "max_position_embeddings": 1024 if rope_scaling else 256, "model_type": "phi3",
        "num_attention_heads": 4, "num_hidden_layers": layers, "num_key_value_heads": 2,
        "original_max_position_embeddings": 256, "pad_token_id": PAD, "resid_pdrop": 0.0, "rms_norm_eps": 1e-05,
        "rope_scaling": rope_scaling, "rope_theta": 10000.0, "sliding_window": 2047, "tie_word_embeddings": False,
        "torch_dtype": "float32", "transformers_version": "4.40.2", "use_cache": True, "vocab_size": words,
    }  # fmt: skip
    return write(folder, config, _phi3_decoder(words), ends=(EOS, len(PIECES) + PHI3_MARKS.index("<|end|>")))


def _phi3_decoder(words: int) -> dict[str, Sequence[int]]:
    """Phi-3's names for its weights."""
    width, inner = 64, 128
    shapes: dict[str, Sequence[int]] = {"model.embed_tokens.weight": (words, width)}
    for layer in range(2):
        at = f"model.layers.{layer}"
        shapes |= {
            f"{at}.input_layernorm.weight": (width,), f"{at}.post_attention_layernorm.weight": (width,),
            f"{at}.self_attn.qkv_proj.weight": (width + 2 * width // 2, width),
            f"{at}.self_attn.o_proj.weight": (width, width),
            f"{at}.mlp.gate_up_proj.weight": (2 * inner, width), f"{at}.mlp.down_proj.weight": (width, inner),
        }  # fmt: skip
    return {**shapes, "model.norm.weight": (width,), "lm_head.weight": (words, width)}


def phi3_long(folder: Path) -> Path:
    """microsoft/Phi-3-mini-128k-instruct."""
    return phi3(folder, rope_scaling={"type": "longrope", **_factors()})


def _factors() -> dict[str, list[float]]:
    short = [1.0 + 0.1 * at for at in range(8)]
    return {"short_factor": short, "long_factor": [4 * factor for factor in short]}


def phi3v(folder: Path) -> Path:
    """microsoft/Phi-3.5-vision-instruct: CLIP, patches merged by four, Phi-3 with a long context."""
    phi3(folder, rope_scaling={"type": "su", **_factors()})
    words = write_pieces(folder, marks=(*PHI3_MARKS, "<|image|>"), template=PHI3_TEMPLATE, rstrip=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {
        "_name_or_path": "Phi-3.5-vision-instruct", "architectures": ["Phi3VForCausalLM"], "model_type": "phi3_v",
        "auto_map": {"AutoConfig": "configuration_phi3_v.Phi3VConfig",
                     "AutoModelForCausalLM": "modeling_phi3_v.Phi3VForCausalLM"},
        "embd_layer": {"embedding_cls": "image", "hd_transform_order": "sub_glb", "projection_cls": "mlp",
                       "use_hd_transform": True, "with_learnable_separator": True},
        "img_processor": {"image_dim_out": 64, "model_name": "openai/clip-vit-large-patch14-336",
                          "name": "clip_vision_model", "num_img_tokens": 144},
        "vocab_size": words,
    }  # fmt: skip
    at, seen = "model.vision_embed_tokens", 128
    shapes = dict(_phi3_decoder(words)) | {
        f"{at}.sub_GN": (1, 1, 1, 4 * seen),
        f"{at}.glb_GN": (1, 1, 4 * seen),
    }
    shapes |= _with_bias(f"{at}.img_projection.0", (64, 4 * seen)) | _with_bias(f"{at}.img_projection.2", (64, 64))
    shapes |= _clip(f"{at}.img_processor.vision_model", seen, places=17)
    write_processor(folder, {
        "auto_map": {"AutoImageProcessor": "processing_phi3_v.Phi3VImageProcessor"},
        "image_processor_type": "Phi3VImageProcessor", "num_crops": 4, "num_img_tokens": 144,
    })  # fmt: skip
    return write(folder, config, shapes)


def llava(folder: Path) -> Path:
    """llava-hf/llava-1.5-7b-hf: a CLIP tower and a Llama decoder."""
    folder.mkdir(parents=True)
    words, seen = write_pieces(folder, marks=("<image>",), template=LLAVA_TEMPLATE), 32
    config = {
        "architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_token_index": words - 1,
        "model_type": "llava", "pad_token_id": PAD, "projector_hidden_act": "gelu",
        "text_config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "rms_norm_eps": 1e-05,
                        "vocab_size": words, **DECODER},
        "tie_word_embeddings": False, "torch_dtype": "float32", "vocab_size": words,
        "vision_config": {"hidden_size": seen, "image_size": 42, "intermediate_size": 64, "patch_size": 14,
                          "model_type": "clip_vision_model", "num_attention_heads": 2, "num_hidden_layers": 3,
                          "projection_dim": 32, "vocab_size": 1000},
        "vision_feature_layer": -2, "vision_feature_select_strategy": "default",
    }  # fmt: skip
    shapes = _clip("vision_tower.vision_model", seen, places=10)
    shapes |= _with_bias("multi_modal_projector.linear_1", (64, seen))
    shapes |= _with_bias("multi_modal_projector.linear_2", (64, 64)) | _decoder("language_model", words)
    write_processor(folder, {
        "crop_size": {"height": 42, "width": 42}, "do_center_crop": True, "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 42},
    })  # fmt: skip
    return write(folder, config, shapes)


def _clip(at: str, width: int, *, places: int) -> dict[str, Sequence[int]]:
    """CLIP's names for a vision tower of three layers and patches of 14 pixels."""
    shapes: dict[str, Sequence[int]] = {
        f"{at}.embeddings.class_embedding": (width,),
        f"{at}.embeddings.patch_embedding.weight": (width, 3, 14, 14),
        f"{at}.embeddings.position_embedding.weight": (places, width),
    }
    for norm in ("pre_layrnorm", "post_layernorm"):
        shapes |= _with_bias(f"{at}.{norm}", (width,))
    for layer in range(3):
        inside = f"{at}.encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _with_bias(f"{inside}.self_attn.{name}", (width, width))
        shapes |= _with_bias(f"{inside}.layer_norm1", (width,)) | _with_bias(f"{inside}.layer_norm2", (width,))
        shapes |= _with_bias(f"{inside}.mlp.fc1", (64, width)) | _with_bias(f"{inside}.mlp.fc2", (width, 64))
    return shapes


def pixtral(folder: Path) -> Path:
    """mistral-community/pixtral-12b: a Pixtral tower and a Mistral decoder in LLaVA's layout."""
    config, shapes = _pixtral(folder, image_size=64)
    config |= {"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "vision_feature_layer": -1,
               "vision_feature_select_strategy": "full"}  # fmt: skip
    shapes |= _with_bias("multi_modal_projector.linear_1", (64, 64))
    shapes |= _with_bias("multi_modal_projector.linear_2", (64, 64))
    return write(folder, config, shapes)


def mistral3(folder: Path) -> Path:
    """mistralai/Mistral-Small-3.1-24B-Instruct-2503: the same with four patches merged into one."""
    config, shapes = _pixtral(folder, image_size=96)
    config |= {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3",
               "multimodal_projector_bias": False, "spatial_merge_size": 2, "vision_feature_layer": -1}  # fmt: skip
    shapes |= {
        "multi_modal_projector.norm.weight": (64,), "multi_modal_projector.linear_1.weight": (64, 64),
        "multi_modal_projector.linear_2.weight": (64, 64),
        "multi_modal_projector.patch_merger.merging_layer.weight": (64, 256),
    }  # fmt: skip
    return write(folder, config, shapes)


DECODER: Mapping[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32,
    "num_hidden_layers": 2, "max_position_embeddings": 1024, "rope_theta": 10000.0,
}  # fmt: skip


def _pixtral(folder: Path, *, image_size: int) -> tuple[dict[str, Any], dict[str, Sequence[int]]]:
    """What both layouts share: tokenizer, tower, decoder."""
    folder.mkdir(parents=True)
    marks = write_tokenizer(
        folder, kind="PreTrainedTokenizerFast", marks=("[IMG]", "[IMG_BREAK]", "[IMG_END]", "[INST]", "[/INST]"),
        template=PIXTRAL_TEMPLATE,
    )  # fmt: skip
    words, seen = vocabulary() + len(marks), 64
    config = {
        "ignore_index": -100, "image_seq_length": 1, "image_token_index": marks["[IMG]"],
        "projector_hidden_act": "gelu", "torch_dtype": "float32",
        "text_config": {"model_type": "mistral", "rms_norm_eps": 1e-05, "sliding_window": None, "vocab_size": words,
                        "is_composition": True, **DECODER},
        "vision_config": {"head_dim": 16, "hidden_act": "silu", "hidden_size": seen, "image_size": image_size,
                          "intermediate_size": 128, "is_composition": True, "model_type": "pixtral",
                          "num_attention_heads": 4, "num_hidden_layers": 2, "patch_size": 16, "rope_theta": 10000.0},
    }  # fmt: skip
    tower = "vision_tower"
    shapes: dict[str, Sequence[int]] = {
        f"{tower}.patch_conv.weight": (seen, 3, 16, 16),
        f"{tower}.ln_pre.weight": (seen,),
    }
    for layer in range(2):
        at = f"{tower}.transformer.layers.{layer}"
        shapes |= {f"{at}.attention.{name}_proj.weight": (seen, seen) for name in "qkvo"}
        shapes |= {f"{at}.attention_norm.weight": (seen,), f"{at}.ffn_norm.weight": (seen,)}
        shapes |= {f"{at}.feed_forward.{name}_proj.weight": (128, seen) for name in ("gate", "up")}
        shapes |= {f"{at}.feed_forward.down_proj.weight": (seen, 128)}
    write_processor(folder, {
        "image_processor_type": "PixtralImageProcessor", "patch_size": {"height": 16, "width": 16},
        "size": {"longest_edge": image_size},
    })  # fmt: skip
    return config, shapes | _decoder("language_model", words)


def _decoder(at: str, words: int) -> dict[str, Sequence[int]]:
    """Llama's and Mistral's names for a decoder of the sizes in DECODER."""
    width, inner, keys = 64, 128, 32
    shapes: dict[str, Sequence[int]] = {f"{at}.model.embed_tokens.weight": (words, width)}
    for layer in range(2):
        inside = f"{at}.model.layers.{layer}"
        shapes |= {
            f"{inside}.input_layernorm.weight": (width,), f"{inside}.post_attention_layernorm.weight": (width,),
            f"{inside}.self_attn.q_proj.weight": (width, width), f"{inside}.self_attn.k_proj.weight": (keys, width),
            f"{inside}.self_attn.v_proj.weight": (keys, width), f"{inside}.self_attn.o_proj.weight": (width, width),
            f"{inside}.mlp.gate_proj.weight": (inner, width), f"{inside}.mlp.up_proj.weight": (inner, width),
            f"{inside}.mlp.down_proj.weight": (width, inner),
        }  # fmt: skip
    return {**shapes, f"{at}.model.norm.weight": (width,), f"{at}.lm_head.weight": (words, width)}


def write_processor(folder: Path, told: Mapping[str, Any]) -> None:
    """Write preprocessor_config.json with CLIP's means, which Pixtral has, too."""
    common = {
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3, "rescale_factor": 1 / 255,
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps({**common, **told}), encoding="utf-8")


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "phi": phi,
    "phi3": phi3,
    "phi3_long": phi3_long,
    "phi3v": phi3v,
    "llava": llava,
    "pixtral": pixtral,
    "mistral3": mistral3,
}
"""What writes a checkpoint of each layout."""
