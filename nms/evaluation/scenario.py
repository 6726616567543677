# SPDX-License-Identifier: Apache-2.0
"""Make the data of a trial: held-out images, and a stream of the others."""

from dataclasses import dataclass, replace

import numpy as np

from nms import datasets
from nms.contract.errors import UserError
from nms.datasets import Choice, Images

HELD_OUT = 0.2
"""Fraction of each class that is held out if a data set has no test part."""

BRIGHTNESS = 0.1
"""A near-duplicate's pixels are multiplied by 1 +- at most this."""

NOISE = 4.0
"""Standard deviation of a near-duplicate's noise, on pixels of 0 to 255."""

LISTED = 10
"""Names of classes that a message has at most."""

KINDS = ("clean", "redundant", "long-tail")


@dataclass(frozen=True)
class Scenario:
    """How to make a stream of a data set's training images.

    Parameters
    ----------
    kind : ``clean``, the images as they are; ``redundant``, as many images, of which a fraction
        ``duplicates`` are near-duplicates of the others; ``long-tail``, only a fraction ``r**-tail`` of the
        class of rank r, where ranks 1, 2, ... are in random order
    duplicates : fraction of near-duplicates, 0 to below 1
    tail : exponent
    bursts : exponent of the lengths of bursts: the original of rank r, with ranks in random order, is drawn
        for a near-duplicate in proportion to ``r**-bursts``; 0 draws all with the same probability, 1 is
        Zipf's law
    shift : most pixels by which a near-duplicate is shifted along each axis; its edges are repeated
    shuffled : near-duplicates are anywhere in the stream, instead of right after their original

    Raises
    ------
    UserError
        A value is unknown or out of range.
    """

    kind: str = "clean"
    duplicates: float = 0.8
    tail: float = 1.0
    shift: int = 1
    shuffled: bool = False
    bursts: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"scenario {self.kind!r}: must be one of {', '.join(KINDS)}")
        if not 0.0 <= self.duplicates < 1.0:
            raise UserError(f"duplicates {self.duplicates:g}: must be 0 to below 1")
        if not 0.0 <= self.tail < np.inf:
            raise UserError(f"tail {self.tail:g}: must be at least 0")
        if not 0.0 <= self.bursts < np.inf:
            raise UserError(f"bursts {self.bursts:g}: must be at least 0")
        if not 0 <= self.shift <= 8:
            raise UserError(f"shift {self.shift}: must be 0 to 8 pixels")

    def make_stream(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Make a stream of images (N, H, W, C) uint8 and labels (N,).

        Returns its images, labels and scenes, in random order. An original and its near-duplicates have the
        same scene.
        """
        if self.kind == "redundant":
            originals = max(1, round((1.0 - self.duplicates) * len(images)))
            source = draw(labels, originals, rng)
            share = np.arange(1.0, originals + 1) ** -self.bursts
            alike = self.bursts == 0  # without p, choice draws integers, as the published figures did
            copied = rng.choice(originals, len(images) - originals, p=None if alike else share / share.sum())
            source = np.concatenate([source, source[copied]])
            copy = np.arange(len(source)) >= originals
            place = np.concatenate([np.arange(originals), copied])
            order = rng.permutation(len(source)) if self.shuffled else np.argsort(place, kind="stable")
            found = images[source]
            found[copy] = make_near_duplicates(found[copy], self.shift, rng)
            return found[order], labels[source][order], place[order]
        if self.kind == "long-tail":
            classes = rng.permutation(np.unique(labels))
            chosen = [
                rng.permutation(of)[: max(1, round(len(of) * (rank + 1.0) ** -self.tail))]
                for rank, label in enumerate(classes.tolist())
                for of in [np.flatnonzero(labels == label)]
            ]
            source = rng.permutation(np.concatenate(chosen))
        else:
            source = rng.permutation(len(images))
        return images[source], labels[source], np.arange(len(source))


@dataclass(frozen=True)
class Trial:
    """The stream and the held-out images of one seed, the same for every method.

    Raises
    ------
    ValueError
        The stream has an image that is, byte for byte, a test image.
    """

    seed: int
    images: np.ndarray  # (N, H, W, C) uint8, the stream
    labels: np.ndarray  # (N,) int64
    scenes: np.ndarray  # (N,) int64, the same for an original and its near-duplicates
    test_images: np.ndarray  # (T, H, W, C) uint8
    test_labels: np.ndarray  # (T,) int64

    def __post_init__(self) -> None:
        leaked = int(find_copies(self.images, self.test_images).sum())
        if leaked:
            raise ValueError(f"{leaked} images of the stream are test images")


@dataclass(frozen=True)
class Source:
    """Training images and, if the data set has them, test images, as (N, H, W, C)."""

    images: np.ndarray
    labels: np.ndarray
    test: tuple[np.ndarray, np.ndarray] | None
    name: str
    removed: int
    notes: tuple[str, ...] = ()

    @classmethod
    def load(
        cls, data: str, test: str | None = None, resize: int | None = None, choice: Choice | None = None
    ) -> "Source":
        """Load the data set ``data`` with the test part ``test`` or, by default, its own if it has one.

        Training images that are, byte for byte, test images are left out; ``removed`` counts them.

        Raises
        ------
        UserError
            The data cannot be read, have no labels or fewer than two classes, or the two parts do not match.
        """
        train = datasets.load(data, resize=resize, choice=choice)
        images, labels = train.pixels, train.labels
        if not train.labelled:
            raise UserError(f"data {data!r}: has no labels to evaluate with")
        if len(np.unique(labels)) < 2:
            raise UserError(f"data {data!r}: has one class; must have at least 2")
        choice = replace(choice or Choice(), held_out=True)
        if test is None:
            held = datasets.load_test_part(data, resize, choice)
        else:
            held = datasets.load(test, resize=resize, choice=choice)
        notes = train.notes
        if held is not None and test is None and not _name_classes(held) <= _name_classes(train):
            notes += ("the test part has other labels, or none, and is left alone",)
            held = None
        if held is None:
            return cls(images, labels, None, train.name, 0, notes)
        path = test or f"test part of {data}"
        if held.shape != train.shape:
            shapes = [" x ".join(map(str, of.shape)) for of in (held, train)]
            raise UserError(f"test {path!r}: images of {shapes[0]}; those of {data!r} are of {shapes[1]}")
        held_labels, missing = _match_classes(train, held, data, path)
        own = ~find_copies(images, held.pixels)
        if len(np.unique(labels[own])) < len(np.unique(labels)):
            raise UserError(f"test {path!r}: holds all images of a class of {data!r}; must be other images")
        notes += (*held.notes, *missing)
        test_part = (held.pixels, held_labels)
        return cls(images[own], labels[own], test_part, train.name, int((~own).sum()), notes)

    @property
    def split(self) -> str:
        """The origin of the held-out images, in words."""
        return "the test part" if self.test else f"{HELD_OUT:.0%} of each class, drawn by each seed"

    def draw_trial(self, seed: int, scenario: Scenario, count: int | None = None) -> Trial:
        """Draw a trial with ``count`` training images, classes in proportion; ``None`` takes all."""
        rng = np.random.default_rng(seed)
        index = np.arange(len(self.images))
        if self.test is None:
            held = draw(self.labels, max(1, round(HELD_OUT * len(index))), rng)
            test_images, test_labels = self.images[held], self.labels[held]
            index = np.setdiff1d(index, held)
            index = index[~find_copies(self.images[index], test_images)]
            if not set(self.labels.tolist()) <= set(self.labels[index].tolist()):
                raise UserError(
                    f"data {self.name!r}: all training images of a class are copies of held-out ones; "
                    "name other images by --test"
                )
        else:
            test_images, test_labels = self.test
        if count is not None:
            if not 2 <= count <= len(index):
                raise UserError(
                    f"count {count}: must be 2 to {len(index)} (training images of {self.name!r})"
                )
            index = index[draw(self.labels[index], count, rng)]
        images, labels, scenes = scenario.make_stream(self.images[index], self.labels[index], rng)
        if scenario.kind == "redundant":  # noise may undo a shift
            own = ~find_copies(images, test_images)
            images, labels, scenes = images[own], labels[own], scenes[own]
        if not len(images):
            raise UserError(f"data {self.name!r}: all images of the stream are held-out images")
        return Trial(seed, images, labels, scenes, test_images, test_labels)


def _name_classes(data: Images) -> set[str]:
    return {data.name_class(number) for number in np.unique(data.labels).tolist()}


def _match_classes(train: Images, held: Images, data: str, test: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels of the held-out images by the numbers of the training images, matched by name.

    Also says which classes have no held-out images.
    """
    if not held.labelled:
        raise UserError(f"test {test!r}: has no labels to evaluate with")
    known = {train.name_class(number): number for number in np.unique(train.labels).tolist()}
    names = {number: held.name_class(number) for number in np.unique(held.labels).tolist()}
    strange = [name for name in names.values() if name not in known]
    if strange:
        raise UserError(
            f"test {test!r}: label {', '.join(strange[:LISTED])} is not in {data!r}, which has "
            f"{', '.join(list(known)[:LISTED])}"
        )
    numbers = {number: known[name] for number, name in names.items()}
    labels = np.array([numbers[label] for label in held.labels.tolist()], np.int64)
    missing = [name for name in known if name not in names.values()]
    said = f"no test images of {len(missing)} of {len(known)} classes: {', '.join(missing[:LISTED])}"
    return labels, ((said,) if missing else ())


def draw(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``count`` indices at random, in random order, each class in proportion to within one image."""
    order = rng.permutation(len(labels))
    rank = np.empty(len(labels))
    for label in np.unique(labels).tolist():
        own = order[labels[order] == label]
        rank[own] = (np.arange(len(own)) + rng.uniform()) / len(own)
    return rng.permutation(np.argsort(rank, kind="stable")[:count])


def make_near_duplicates(images: np.ndarray, shift: int, rng: np.random.Generator) -> np.ndarray:
    """Shift each image (N, H, W, C) uint8, change its brightness and add noise."""
    count, height, width, _ = images.shape
    wide = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
    corner = rng.integers(0, 2 * shift + 1, (2, count))
    rows = corner[0][:, None] + np.arange(height)
    columns = corner[1][:, None] + np.arange(width)
    shifted = wide[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    bright = shifted * rng.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS, (count, 1, 1, 1))
    return np.clip(np.rint(bright + rng.normal(0, NOISE, images.shape)), 0, 255).astype(np.uint8)


def find_copies(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Find the images that are, byte for byte, among ``others``: (N,) bool."""
    known = {image.tobytes() for image in others}
    return np.array([image.tobytes() in known for image in images], bool)
