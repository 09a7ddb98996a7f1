"""The tokenizer: byte-level BPE learnt from the corpus, and the sequences it makes of examples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from corpus import Example
from network import CONTEXT, TOKENS
from prose import Task
from tasks import BINS
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

PAD, BEGIN, END, IMAGE, USER, ASSISTANT = range(6)
MARKS = ("<pad>", "<s>", "</s>", "<|image|>", "<|user|>", "<|assistant|>")
VOCABULARY = 2000
IGNORED = -100
NEAR = (0, -1, 1, -2, 2)
"""Numbers beside the right one that are nearly right, too, when a picture is measured."""
SPREAD = (0.60, 0.16, 0.16, 0.04, 0.04)
CHAT_TEMPLATE = (
    "<s>{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True)
class Batch:
    """Sequences padded to one length on the right: each (n, length). The decoder looks back only: no mask is needed."""

    tokens: Tensor
    targets: Tensor
    """The token itself where the model shall learn to write it, else IGNORED."""


def learn(texts: list[str]) -> Tokenizer:
    """Return a tokenizer whose first six tokens are MARKS and that has a token for each number of a box."""
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
    split = [text for text in _numbers() if len(tokenizer.encode(text).ids) != 1]
    if split:
        raise ValueError(f"{len(split)} numbers have no token of their own, {split[0]!r} for one")
    return tokenizer


def _numbers() -> list[str]:
    return [f"{blank}{number}" for blank in ("", " ") for number in range(BINS)]


def neighbours(tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    """Return for each token those that count as right (vocabulary, 5), and how much each does."""
    size = tokenizer.get_vocab_size()
    near = torch.arange(size)[:, None].repeat(1, len(NEAR))
    share = torch.zeros(size, len(NEAR))
    share[:, 0] = 1
    for blank in ("", " "):
        ids = [tokenizer.encode(f"{blank}{number}").ids[0] for number in range(BINS)]
        for number, token in enumerate(ids):
            beside = [number + step for step in NEAR]
            weight = torch.tensor([part if 0 <= at < BINS else 0.0 for at, part in zip(beside, SPREAD, strict=True)])
            near[token] = torch.tensor([ids[min(BINS - 1, max(0, at))] for at in beside])
            share[token] = weight / weight.sum()
    return near, share


def order_numbers(tokenizer: Tokenizer, table: Tensor) -> None:
    """Let the embeddings of numbers start in order: neighbours alike, with or without a blank before them."""
    width = table.shape[1]
    scale = table.std()
    periods = torch.exp(torch.linspace(torch.log(torch.tensor(4.0)), torch.log(torch.tensor(640.0)), width // 2))
    for blank in ("", " "):
        for number in range(BINS):
            angle = 2 * torch.pi * number / periods
            wave = torch.cat([angle.sin(), angle.cos()]) * 1.4 * scale
            token = tokenizer.encode(f"{blank}{number}").ids[0]
            table[token] = wave + 0.4 * table[token]


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


def prompt(tokenizer: Tokenizer, question: str, given: str = "", images: int = 1) -> list[int]:
    """Return what the engine's chat template makes of the images, `question` and the prefix `given`."""
    asked = tokenizer.encode(question).ids
    return [BEGIN, USER, *[IMAGE] * TOKENS * images, *asked, ASSISTANT, *tokenizer.encode(given).ids]


def picture_batch(tokenizer: Tokenizer, examples: Sequence[Example]) -> Batch:
    """Return `examples` as sequences of prompt with one image, answer and END."""
    return _batch(
        [(prompt(tokenizer, each.question, each.given), [*tokenizer.encode(each.answer).ids, END]) for each in examples]
    )


def text_batch(tokenizer: Tokenizer, asked: Sequence[Task]) -> Batch:
    """Return `asked` as sequences of prompt, answer and END; what does not fit the context is left out."""
    rows = [(prompt(tokenizer, each.question, images=0), [*tokenizer.encode(each.answer).ids, END]) for each in asked]
    return _batch([row for row in rows if len(row[0]) + len(row[1]) <= CONTEXT])


def _batch(rows: list[tuple[list[int], list[int]]]) -> Batch:
    length = max(len(asked) + len(told) for asked, told in rows)
    tokens = torch.full((len(rows), length), PAD)
    targets = torch.full((len(rows), length), IGNORED)
    for at, (asked, told) in enumerate(rows):
        end = len(asked) + len(told)
        tokens[at, :end] = torch.tensor(asked + told)
        targets[at, len(asked) : end] = torch.tensor(told)
    return Batch(tokens, targets)


def pieces_per_word(tokenizer: Tokenizer, text: str) -> float:
    """Return how many tokens a word of `text` takes."""
    return len(tokenizer.encode(text).ids) / max(1, len(re.findall(r"\w+|[^\w\s]", text)))
