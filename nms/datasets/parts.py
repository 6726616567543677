# SPDX-License-Identifier: Apache-2.0
"""The parts of a data set, by the words of their names: training or held-out images, and of which split."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nms.contract.errors import UserError

TRAINING = {"train", "training"}
TESTING = {"test", "testing", "t10k"}
VALIDATION = {"val", "valid", "validation", "dev", "eval"}


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
        for rank, known in ((0, TRAINING), (3, VALIDATION), (2, TESTING)):
            if self.words & known:
                return rank
        return 2 if any(word.startswith("test") for word in self.words) else 1


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
    wanted = _unify(split_words(choice.split or ""))
    found = [part for part in parts if wanted <= _unify(part.words)]
    if not found:
        known = _list_names(parts) if any(part.words for part in parts) else "no parts with names"
        raise UserError(f"split {choice.split!r}: {subject} has {known}")
    order = (2, 3, 1, 0) if choice.held_out else (0, 1, 2, 3)
    best = min((part.rank for part in found), key=order.index)
    found = [part for part in found if part.rank == best]
    if len(found) > 1:
        raise UserError(f"{subject}: has {len(found)} splits; choose one by --split: {_list_names(found)}")
    return found[0]


def _unify(words: frozenset[str]) -> frozenset[str]:
    """The words, with one for all that mean the same part."""
    found = set(words)
    for word, alike in (("train", TRAINING), ("test", TESTING), ("val", VALIDATION)):
        if words & alike:
            found = found - alike | {word}
    return frozenset(found)


def _list_names(parts: Sequence[Part]) -> str:
    """The words that tell parts from each other."""
    shared = frozenset.intersection(*(part.words for part in parts)) if len(parts) > 1 else frozenset()
    return ", ".join(sorted("-".join(sorted(part.words - shared)) or "(no name)" for part in parts))
