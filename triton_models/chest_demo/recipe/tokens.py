"""The tokenizer: byte-level BPE learnt from the corpus, and the sequences it makes of examples."""

from dataclasses import dataclass
from pathlib import Path

import torch
from corpus import Example
from network import CONTEXT, TOKENS
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

PAD, BEGIN, END, IMAGE, USER, ASSISTANT = range(6)
MARKS = ("<pad>", "<s>", "</s>", "<|image|>", "<|user|>", "<|assistant|>")
VOCABULARY = 512
IGNORED = -100
CHAT_TEMPLATE = (
    "<s>{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True)
class Batch:
    """Sequences padded to one length: each (n, length)."""

    tokens: Tensor
    targets: Tensor
    """The token itself where the model shall learn to write it, else IGNORED."""
    mask: Tensor


def learn(texts: list[str]) -> Tokenizer:
    """Return a tokenizer whose first six tokens are MARKS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files that ONNX Runtime GenAI and transformers read."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=MARKS[BEGIN],
        eos_token=MARKS[END],
        pad_token=MARKS[PAD],
        additional_special_tokens=list(MARKS[IMAGE:]),
        model_max_length=CONTEXT,
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)


def prompt(tokenizer: Tokenizer, question: str, given: str = "") -> list[int]:
    """Return what the engine's chat template makes of one image, `question` and the prefix `given`."""
    words = tokenizer.encode(question).ids
    return [BEGIN, USER, *[IMAGE] * TOKENS, *words, ASSISTANT, *tokenizer.encode(given).ids]


def batch(tokenizer: Tokenizer, examples: list[Example]) -> Batch:
    """Return `examples` as sequences of prompt, answer and END."""
    rows = []
    for example in examples:
        asked = prompt(tokenizer, example.question, example.given)
        rows.append((asked, [*tokenizer.encode(example.answer).ids, END]))
    length = max(len(asked) + len(told) for asked, told in rows)
    tokens = torch.full((len(rows), length), PAD)
    targets = torch.full((len(rows), length), IGNORED)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for at, (asked, told) in enumerate(rows):
        end = len(asked) + len(told)
        tokens[at, :end] = torch.tensor(asked + told)
        targets[at, len(asked) : end] = torch.tensor(told)
        mask[at, :end] = 1
    return Batch(tokens, targets, mask)
