# SPDX-License-Identifier: Apache-2.0
"""The parts of a data set, by the words of their names: training or held-out images, and of which split."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nms.contract.errors import UserError

TRAINING, TESTING, VALIDATION = "train", "test", "val"

MEANINGS = {
    TRAINING: re.compile(r"train(ing)?\d*"),
    TESTING: re.compile(r"test(ing)?\d*k?|t10k"),
    VALIDATION: re.compile(r"val(id(ation)?)?\d*|dev|eval"),
}
"""The words for the parts of a data set, with their years or counts."""


RANKS = {TRAINING: 0, VALIDATION: 3, TESTING: 2}
"""Of parts by their words, of which the first counts; 1 is that of a part without such a word."""


@dataclass(frozen=True)
class Choice:
    """What to take of a data set that has several parts, or several labels of an image.

    Parameters
    ----------
    split : words of the name of the wanted part, as "letters" or "letters-test"
    labels : words of the name of the wanted labels, as "coarse"
    held_out : whether held-out images come before training images
    """

    split: str | None = None
    labels: str | None = None
    held_out: bool = False


@dataclass(frozen=True)
class Part:
    """Images of a data set that belong together: the words of their name, and where its loader finds them."""

    words: frozenset[str]
    where: Any

    @property
    def rank(self) -> int:
        """0 for training images, 1 where the name does not say, 2 for test and 3 for validation images."""
        meant = _unify(self.words)
        return next((rank for word, rank in RANKS.items() if word in meant), 1)


def split_words(name: str) -> frozenset[str]:
    """Split a name into its words, in lower case."""
    return frozenset(re.findall(r"[a-z0-9]+", name.lower()))


def choose_part(subject: str, parts: Sequence[Part], choice: Choice) -> Part:
    """Choose the part that is meant: of those with the words of the split, training images before others.

    Raises
    ------
    UserError
        No part has these words, or several are left; the message names them.
    """
    wanted = split_words(choice.split or "")
    found = [part for part in parts if wanted <= part.words]
    found = found or [part for part in parts if _unify(wanted) <= _unify(part.words)]
    if not found:
        known = _list_names(parts) if any(part.words for part in parts) else "no parts with names"
        raise UserError(f"split {choice.split!r}: {subject} has {known}")
    order = (2, 3, 1, 0) if choice.held_out else (0, 1, 2, 3)
    best = min((part.rank for part in found), key=order.index)
    found = [part for part in found if part.rank == best]
    if len(found) > 1:
        raise UserError(f"{subject}: has {len(found)} splits; choose one by --split: {_list_names(found)}")
    return found[0]


def find_meaning(word: str) -> str | None:
    """Which part of a data set a word in lower case means, if any."""
    return next((meaning for meaning, known in MEANINGS.items() if known.fullmatch(word)), None)


def _unify(words: frozenset[str]) -> frozenset[str]:
    """The words, with one for all that mean the same part."""
    return frozenset(find_meaning(word) or word for word in words)


def _list_names(parts: Sequence[Part]) -> str:
    """The words that tell parts from each other."""
    shared = frozenset.intersection(*(part.words for part in parts)) if len(parts) > 1 else frozenset()
    return ", ".join(sorted("-".join(sorted(part.words - shared)) or "(no name)" for part in parts))
