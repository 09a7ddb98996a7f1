"""One cache for several answers, against each of them alone; the decoder is one layer of GroupQueryAttention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.tiny_decoder import SIZE, WIDTH, WORDS, decoder_of, table
from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from engine import agreement  # noqa: E402 - importable from here on
from engine.contract import ContractError  # noqa: E402
from engine.decoder import Cache, Decoder  # noqa: E402
from engine.folder import DecoderForm  # noqa: E402
from engine.place import Place  # noqa: E402
from engine.reading import Reading  # noqa: E402
from engine.room import BEFORE_ALL, Room  # noqa: E402
from engine.rows import LENGTHS, Rows  # noqa: E402

FOLDER = SimpleNamespace(decoder=DecoderForm(), image=None)
PIECE = 8


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    return decoder_of(tmp_path_factory.mktemp("decoder"))


def reading(decoder: Decoder, length: int, limit: int = 40, piece: int = 0) -> Reading:
    """A prompt of `length` tokens; another one for each length."""
    tokens = np.random.default_rng(length).integers(0, WORDS, length)
    return Reading(Cache(decoder, {}), Place(decoder, FOLDER, tokens, None), None, tokens, None, limit, piece)


def read_whole(prompt: Reading) -> np.ndarray:
    """The logits of a prompt that has one piece, or of the last of them."""
    while (logits := prompt.read()) is None:
        pass
    return logits


class Alone:
    """What each answer's tokens are where nobody else is asked."""

    def __init__(self, decoder: Decoder, length: int) -> None:
        self._reading = reading(decoder, length)
        self.logits = read_whole(self._reading)

    def step(self) -> np.ndarray:
        self.logits = self._reading.step(self.last)
        return self.logits

    @property
    def last(self) -> int:
        return int(np.argmax(self.logits))


def test_answers_of_different_lengths_that_come_and_go_have_the_logits_of_each_alone(decoder: Decoder) -> None:
    rows, alone = Rows(decoder, None, {}, Room()), list[Alone]()

    def come(length: int) -> None:
        alone.append(Alone(decoder, length))
        np.testing.assert_allclose(agreement.read(rows, reading(decoder, length)), alone[-1].logits, atol=1e-4)

    def go(at: int) -> None:
        rows.remove(at)
        alone[at] = alone[-1]
        del alone[-1]

    def steps(count: int) -> None:
        for _ in range(count):
            found = rows.step([one.last for one in alone])
            np.testing.assert_allclose(found, [one.step() for one in alone], atol=1e-4)

    come(5)
    steps(3)
    come(30)
    come(2)
    steps(4)
    go(0)
    steps(2)
    come(LENGTHS + 20)  # the others move to larger memory
    come(9)
    steps(5)
    go(2)
    go(2)
    steps(3)
    go(1)
    go(0)
    come(7)
    steps(2)


def test_a_decoder_that_counts_the_tokens_of_each_row_is_known(decoder: Decoder) -> None:
    assert agreement.together(decoder, None, [(reading(decoder, n), reading(decoder, n)) for n in (5, 6)])


def test_so_is_one_that_takes_the_longest_for_all(tmp_path: Path) -> None:
    other = decoder_of(tmp_path, counts_each=False)
    assert not agreement.together(other, None, [(reading(other, n), reading(other, n)) for n in (5, 9)])


@pytest.fixture
def neighbour(decoder: Decoder) -> Iterator[Rows]:
    """A cache with one answer, whose next logits are those that it has alone, whatever happened meanwhile."""
    rows, one = Rows(decoder, None, {}, Room()), Alone(decoder, 5)
    agreement.read(rows, reading(decoder, 5))
    np.testing.assert_allclose(rows.step([one.last]), [one.step()], atol=1e-4)
    yield rows
    np.testing.assert_allclose(rows.step([one.last]), [one.step()], atol=1e-4)


def test_a_prompt_that_finds_no_memory_leaves_the_others_as_they_were(
    decoder: Decoder, neighbour: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = reading(decoder, LENGTHS + 3)
    monkeypatch.setattr(refused, "read", lambda row: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        agreement.read(neighbour, refused)
    neighbour.drop(refused, BEFORE_ALL)


def test_a_growth_that_finds_no_memory_leaves_the_others_as_they_were(
    decoder: Decoder, neighbour: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = reading(decoder, 5)  # has its own cache before memory ends
    monkeypatch.setattr(decoder, "zeros", lambda name, answers, length: np.zeros(1 << 62))
    with pytest.raises((MemoryError, ValueError)):
        agreement.read(neighbour, refused)


@pytest.mark.parametrize("length", [1, 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1, 5 * PIECE + 3, 300])
def test_a_prompt_that_is_read_in_pieces_has_the_logits_of_a_whole_one(decoder: Decoder, length: int) -> None:
    rows, alone = Rows(decoder, None, {}, Room()), Alone(decoder, length)
    prompt = reading(decoder, length, piece=PIECE)
    rows.admit(prompt, BEFORE_ALL)
    pieces = [rows.read(prompt) for _ in range(-(-length // PIECE))]
    assert all(logits is None for logits in pieces[:-1])
    assert pieces[-1] is not None
    np.testing.assert_allclose(pieces[-1], alone.logits, atol=1e-4)
    for _ in range(4):
        np.testing.assert_allclose(rows.step([alone.last]), [alone.step()], atol=1e-4)


def test_prompts_that_are_read_in_turns_among_answers_that_come_and_go_do_not_mix(decoder: Decoder) -> None:
    room = Room()
    rows, lengths = Rows(decoder, None, {}, room), (5, 40, 60, 30, 9)
    prompts = {length: reading(decoder, length, piece=PIECE) for length in lengths}
    written: list[Alone] = []

    def read_on(length: int) -> None:
        if (logits := rows.read(prompts[length])) is not None:
            written.append(Alone(decoder, length))
            np.testing.assert_allclose(logits, written[-1].logits, atol=1e-4)

    def step() -> None:
        if written:
            found = rows.step([one.last for one in written])
            np.testing.assert_allclose(found, [one.step() for one in written], atol=1e-4)

    def go(at: int) -> None:
        rows.remove(at)
        written[at] = written[-1]
        del written[-1]

    for length in lengths:
        rows.admit(prompts[length], (0, length))
    for length in (5, 40, 60, 30, 60, 9, 30, 9):  # 5 and 9 are read, the others begun
        read_on(length)
        step()
    rows.drop(prompts[40], (0, 40))  # in the middle of its prompt
    go(0)
    while len(written) < 3:
        for length in (60, 30):
            if prompts[length].at < length:
                read_on(length)
            step()
    go(1)
    step()
    go(0)
    step()
    go(0)
    assert room.taken == 0


def test_a_decoder_that_goes_on_within_a_prompt_is_known_and_so_is_one_that_does_not(tmp_path: Path) -> None:
    for goes_on in (True, False):
        other = decoder_of(tmp_path, goes_on=goes_on)
        whole, parts = reading(other, 12), reading(other, 12, piece=5)
        assert agreement.in_pieces(Rows(other, None, {}, Room()), whole, parts) is goes_on
        assert agreement.together(other, None, [(reading(other, n), reading(other, n)) for n in (5, 6)])


class Embedding:
    """A look-up, images at their places, as the embedding graph does it."""

    def __init__(self) -> None:
        self.table = table()

    def run(self, tokens: np.ndarray, features: np.ndarray | None) -> np.ndarray:
        vectors = self.table[tokens]
        if features is not None:
            vectors[tokens == 0] = features
        return vectors[None]


def test_images_in_a_prompt_stand_at_their_places_wherever_a_piece_ends(tmp_path: Path) -> None:
    seeing, embedding = decoder_of(tmp_path, embeds=True), Embedding()
    tokens = np.array([3, 4, *[0] * 10, 5, 6, 7, *[0] * 10, 8])
    features = np.random.default_rng(1).standard_normal((20, WIDTH)).astype(np.float32)

    def prompt(piece: int) -> Reading:
        place = Place(seeing, FOLDER, tokens, None)
        return Reading(Cache(seeing, {}), place, embedding, tokens, features, 4, piece)

    wanted = read_whole(prompt(0))
    for piece in (1, 3, 5, 12, 25):
        rows = Rows(seeing, embedding, {}, Room())
        np.testing.assert_allclose(agreement.read(rows, prompt(piece)), wanted, atol=1e-4)


def test_rows_take_what_they_have_memory_for_and_give_it_back_with_the_last(decoder: Decoder) -> None:
    room = Room()
    rows, prompts = Rows(decoder, None, {}, room), [reading(decoder, length) for length in (5, 6, LENGTHS)]
    taken = []
    for prompt in prompts:
        agreement.read(rows, prompt)
        taken.append(room.taken)
    assert taken == [LENGTHS, 2 * LENGTHS, 3 * 2 * LENGTHS]
    for _ in prompts:
        assert room.taken == taken[-1]
        rows.remove(0)
    assert room.taken == 0


def test_a_newcomer_waits_for_memory_and_one_that_can_never_have_it_is_told_why(decoder: Decoder) -> None:
    token_mb = decoder.token_bytes / (1 << 20)
    assert decoder.token_bytes == 2 * WIDTH * 4
    assert SIZE * 2 == WIDTH
    room = Room(2 * LENGTHS * token_mb, decoder.token_bytes, model="tiny")
    rows, waiting = Rows(decoder, None, {}, room), reading(decoder, 7)
    for length in (5, 6):
        agreement.read(rows, reading(decoder, length))
    assert not rows.admit(waiting, (2, 3))
    with pytest.raises(ContractError, match=r"the card of tiny leaves 0 for answers: .* raise memory_mb"):
        rows.admit(reading(decoder, 2 * LENGTHS), (2, 4))
    rows.remove(0)
    assert rows.admit(waiting, (2, 3)), "into the row that was left"


def test_nobody_takes_memory_before_one_that_waits_for_it() -> None:
    room = Room(10 / (1 << 20))
    assert room.take((2, 1), 6)
    assert not room.take((2, 2), 6)
    assert not room.take((2, 3), 1), "it would fit, and the other would wait for ever"
    assert room.take((0, 4), 1), "but a more urgent one may"
    room.leave((2, 2))
    assert room.take((2, 3), 1)
    room.give(8)
    assert room.taken == 0
