"""The tokenizer: byte-level BPE learnt from the corpus, and the sequences it makes of examples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from corpus import Example
from network import CONTEXT, TOKENS, waves
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
    """Sequences padded to one length on the right, each (n, length)."""

    tokens: Tensor
    targets: Tensor
    """The token itself where the model shall learn to write it, else IGNORED."""
    positions: Tensor
    seen: Tensor
    """(n, 1, length, length): 0 where the token of a row may look at that of a column, else far below."""


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
    scale = table.std()
    for blank in ("", " "):
        ids = [tokenizer.encode(f"{blank}{number}").ids[0] for number in range(BINS)]
        table[ids] = 1.4 * scale * waves(torch.arange(float(BINS))) + 0.4 * table[ids]


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


def picture_batch(tokenizer: Tokenizer, asked: Sequence[Sequence[Example]]) -> Batch:
    """Return a sequence per picture: the image once, then each question as if it were the only one."""
    return _batch([[_asked(tokenizer, each) for each in some] for some in asked], 1)


def text_batch(tokenizer: Tokenizer, asked: Sequence[Task]) -> Batch:
    """Return `asked` as sequences of prompt, answer and END; what does not fit the context is left out."""
    turns = [_turn(tokenizer, each.question, "", each.answer) for each in asked]
    return _batch([[turn] for turn in turns if len(turn.asked) + len(turn.told) + 2 <= CONTEXT], 0)


@dataclass(frozen=True)
class Turn:
    """A question's tokens up to where the answer begins, and those of the answer."""

    asked: list[int]
    told: list[int]
    blind: int = 0
    """How many of the last of the answer are written without a look at the picture."""


def _asked(tokenizer: Tokenizer, example: Example) -> Turn:
    turn = _turn(tokenizer, example.question, example.given, example.answer)
    body, impression, _ = example.answer.partition(" IMPRESSION")
    if not (example.blind and impression):
        return turn
    return replace(turn, blind=len(turn.told) - len(tokenizer.encode(body).ids))


def _turn(tokenizer: Tokenizer, question: str, given: str, answer: str) -> Turn:
    asked = [*tokenizer.encode(question).ids, ASSISTANT, *tokenizer.encode(given).ids]
    return Turn(asked, [*tokenizer.encode(answer).ids, END])


def _batch(rows: list[list[Turn]], images: int) -> Batch:
    begin = [BEGIN, USER, *[IMAGE] * TOKENS * images]
    length = max(len(begin) + sum(len(turn.asked) + len(turn.told) for turn in turns) for turns in rows)
    tokens = torch.full((len(rows), length), PAD)
    targets, turn, positions = (torch.full((len(rows), length), each) for each in (IGNORED, -1, 0))
    blind = torch.zeros(len(rows), length, dtype=torch.bool)
    for at, turns in enumerate(rows):
        end = len(begin)
        tokens[at, :end], turn[at, :end], positions[at, :end] = torch.tensor(begin), 0, torch.arange(end)
        for number, each in enumerate(turns, 1):
            start, end = end, end + len(each.asked) + len(each.told)
            tokens[at, start:end], turn[at, start:end] = torch.tensor(each.asked + each.told), number
            targets[at, start + len(each.asked) : end] = torch.tensor(each.told)
            blind[at, end - each.blind : end] = True
            positions[at, start:end] = len(begin) + torch.arange(end - start)
    back = torch.ones(length, length, dtype=torch.bool).tril()
    own = (turn[:, :, None] == turn[:, None, :]) | (turn[:, None, :] == 0)
    hidden = blind[:, :, None] & (tokens == IMAGE)[:, None, :]
    return Batch(tokens, targets, positions, torch.where(own & back & ~hidden, 0.0, -1e9)[:, None])


def pieces_per_word(tokenizer: Tokenizer, text: str) -> float:
    """Return how many tokens a word of `text` takes."""
    return len(tokenizer.encode(text).ids) / max(1, len(re.findall(r"\w+|[^\w\s]", text)))
