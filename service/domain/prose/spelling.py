"""Spelling: how far two words are apart."""

from __future__ import annotations


def distance(one: str, other: str) -> int:
    """Letters added, dropped, replaced or swapped with their neighbour (Damerau 1964, optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        beyond, before, row = before, row, [i]
        for j, against in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, beyond[j - 2] + 1)
            row.append(cost)
    return row[-1]
