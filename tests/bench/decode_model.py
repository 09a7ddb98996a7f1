"""A random Llama of about 100 million parameters: the framework's files, and the builder's exports of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

VOCABULARY, CONTEXT = 32000, 512
SIZES = {
    "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 8, "num_attention_heads": 12,
    "num_key_value_heads": 12, "vocab_size": VOCABULARY,
}  # fmt: skip
PRECISIONS = ("fp32", "int4")
DEMO = Path(__file__).resolve().parents[2] / "triton_models" / "chest_demo"
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def write(folder: Path, context: int = CONTEXT) -> None:
    """Write `folder`/framework and a model folder for each precision, where they are not there yet."""
    if not (folder / "framework").exists():
        _framework(folder / "framework", context)
    for precision in PRECISIONS:
        if not (folder / precision / "card.toml").exists():
            _export(folder / "framework", folder / precision, precision)
            _for_triton(folder / precision)


def _framework(folder: Path, context: int) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    # No end token is among those that a random model may write.
    config = LlamaConfig(
        **SIZES,
        max_position_embeddings=context,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    print(f"{sum(weights.numel() for weights in model.parameters()) / 1e6:.0f} million parameters")
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def _tokenizer():  # type: ignore[no-untyped-def]  # transformers is not there where types are checked
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<pad>", "<s>", "</s>", *alphabet]
    words += [f"w{number}" for number in range(VOCABULARY - len(words))]
    tokenizer = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    fast.chat_template = TEMPLATE
    return fast


def _export(framework: Path, model: Path, precision: str) -> None:
    """The builder's command line, and around it what makes a model folder of its output."""
    version = model / "1"
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", framework, "-o", version]
    with (model.parent / f"builder {precision}.log").open("w") as log:
        subprocess.run(
            [*command, "-p", precision, "-e", "cpu", "-c", model / "cache"], check=True, stdout=log, stderr=log
        )
    (version / "chat_template.jinja").write_text(TEMPLATE)
    (version / "preread.json").write_text(json.dumps({"image": None, "domain": None, "default_max_tokens": 64}))
    digest = _digest(version)
    lines = {
        "name": precision,
        "version": "1",
        "digest": f"sha256:{digest}",
        "unverified_override": "random, for a bench",
    }
    (model / "card.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()))


def _for_triton(model: Path) -> None:
    """The demo model's door and configuration, so that the same weights can be served, too."""
    shutil.copy2(DEMO / "1" / "model.py", model / "1" / "model.py")
    text = (DEMO / "config.pbtxt").read_text().replace('"chest_demo"', f'"{model.name}"')
    own = '"engine_parent" value: { string_value: '
    (model / "config.pbtxt").write_text(text.replace(f'{own}""', f'{own}"{DEMO.parent}"'))


def _digest(version: Path) -> str:
    from tests.unit.triton_models.by_path import load

    digest: str = load("engine/folder.py").digest_of(version)
    return digest
