# SPDX-License-Identifier: Apache-2.0
"""Folders of pictures: with a folder for each class, as ImageNet is laid out, or flat, without labels."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract.errors import UserError
from nms.datasets import memory
from nms.datasets.images import Images
from nms.datasets.labels import UNLABELLED, make_printable
from nms.datasets.parts import TRAINING, Part, find_meaning, split_words
from nms.datasets.pictures import SUFFIXES, Files, find_form, list_losses, read_header
from nms.datasets.request import Request

JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
"""What operating systems leave in folders, besides hidden files."""

NAMED = 5
"""Folders that a note names at most."""

OUTPUTS = {"sample.json", "sample.journal", "results.json", "evaluate.json", "manifest.json"}
"""A folder with one of these is the output of a command."""


def find_parts(path: Path) -> list[Part]:
    """The parts of a folder: its folders of training and of held-out images if it has these, else itself.

    A single folder of training images is a part, and not a class, if it has class folders in turn.
    """
    if not path.is_dir():
        return []
    folders = [entry for entry in _list(path) if entry.is_dir()]
    named = [entry for entry in folders if find_meaning(entry.name.lower())]
    training = [entry for entry in named if find_meaning(entry.name.lower()) == TRAINING]
    if training and (len(named) > len(training) or _has_folders_alone(training[0])):
        return [Part(split_words(entry.name), entry) for entry in named]
    return [Part(frozenset(), path)]


def load(path: Path, root: Path, request: Request) -> Images:
    """Load pictures class by class, classes and files in the order of their names.

    All that is below a class folder is of its class. With a limit below their number, one picture of each
    class is taken in turn. Where there are no class folders, the pictures of the folder have no labels.
    Pixels are grey if all pictures are, else red, green, blue in turn.
    """
    left: Counter[str] = Counter()
    notes: list[str] = []
    classes = _find_classes(root, notes)
    if classes:
        found = _find_labelled(root, classes, request.limit, left, notes)
    else:
        pictures = (file for file in _list(root) if _keep_picture(file, left))
        found = [(UNLABELLED, file) for file in islice(pictures, request.limit)]
    if not found:
        where = "in its class folders" if classes else "in it, and no class folders"
        raise UserError(f"{root}: no images {where} ({', '.join(sorted(SUFFIXES))}){_count(left)}")
    files, labels = [file for _, file in found], np.array([label for label, _ in found], np.int64)
    names = {number: make_printable(classes[number].name) for number in set(labels.tolist()) if classes}
    notes += [f"without{_count(left)[1:]}"] if left else []
    return load_files(files, labels, request, path.resolve().name, names, notes, root)


def _find_labelled(
    root: Path, classes: list[Path], limit: int | None, left: Counter[str], notes: list[str]
) -> list[tuple[int, Path]]:
    """The pictures of class folders with the number of their class: in turn up to a limit, else by class."""
    found = list(islice(_interleave(classes, left), None if limit is None else limit + 1))
    beside = sum(map(_is_picture, _list(root)))
    notes += [f"without {beside} images beside the class folders"] if beside else []
    if limit is not None and len(found) > limit:
        return found[:limit]
    found.sort(key=lambda item: item[0])  # stable: the files of a class stay in order
    filled = {number for number, _ in found}
    empty = [make_printable(folder.name) for number, folder in enumerate(classes) if number not in filled]
    if empty:
        more = ", ..." if len(empty) > NAMED else ""
        notes.append(f"without {len(empty)} folders that have no images: {', '.join(empty[:NAMED])}{more}")
    return found


def load_files(
    files: list[Path],
    labels: np.ndarray,
    request: Request,
    name: str,
    classes: dict[int, str],
    notes: list[str],
    root: Path,
) -> Images:
    """Load pictures, or leave them in their files; a subset is copied with its folders in ``root``."""
    headers = [(str(file), read_header(file, str(file))) for file in files]
    form = find_form(headers, request.resize)
    images: Any = Files(files, form)
    free = memory.find_free()
    side = int((memory.SHARE * free / len(files) / form.shape[2]) ** 0.5) if free else 0
    request.check_room(len(files), images.shape[1], name, f", or --resize {side}")
    if request.in_memory:
        images = np.asarray(images)

    places = [place_below(file, root) for file in files]

    def write(kept: np.ndarray, target: Path) -> None:
        for index in kept.tolist():
            to = target / places[index]
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files[index], to)

    said = [*notes, *list_losses([header for _, header in headers])]
    return Images(
        images, labels, form.shape, name, False, classes, tuple(said), write, tuple(map(str, places))
    )


def place_below(file: Path, root: Path) -> Path:
    """Where a file goes in a copy of ``root``: as it is below that, or else below the root of all files."""
    absolute = Path(os.path.abspath(file))
    above = Path(os.path.abspath(root))
    return absolute.relative_to(above if absolute.is_relative_to(above) else absolute.anchor)


def _find_classes(path: Path, notes: list[str]) -> list[Path]:
    """The class folders; none if the folder has pictures and no folder has any."""
    folders = [entry for entry in _list(path) if entry.is_dir()]
    own = [entry for entry in folders if any((entry / name).exists() for name in OUTPUTS)]
    notes += [f"without the folder {entry.name}, an output of a command" for entry in own]
    folders = [entry for entry in folders if entry not in own]
    flat = any(_is_picture(entry) for entry in _list(path))
    if flat and not any(any(map(_is_picture, _walk(entry))) for entry in folders):
        return []
    return folders


def _interleave(classes: list[Path], left: Counter[str]) -> Iterator[tuple[int, Path]]:
    """One picture of each class, then a second of each, and so on, with the number of its class."""
    files = ((file for file in _walk(folder) if _keep_picture(file, left)) for folder in classes)
    for turn in zip_longest(*files):
        yield from ((number, file) for number, file in enumerate(turn) if file is not None)


def _walk(folder: Path) -> Iterator[Path]:
    """All files below a folder, those of its own first, in the order of their names."""
    entries = _list(folder)
    yield from (entry for entry in entries if not entry.is_dir())
    for entry in entries:
        if entry.is_dir() and not (entry.is_symlink() and folder.resolve().is_relative_to(entry.resolve())):
            yield from _walk(entry)


def _list(folder: Path) -> list[Path]:
    """What is in a folder, in the order of the names, without hidden files and what systems leave there."""
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.name[0] != "." and e.name not in JUNK)
    return [folder / name for name in names]


def _is_picture(file: Path) -> bool:
    """Whether a file has the name of a picture; pipes and devices, which would block, are none."""
    return file.suffix.lower() in SUFFIXES and file.is_file()


def _keep_picture(file: Path, left: Counter[str]) -> bool:
    """The same, counting by suffix the other files."""
    found = _is_picture(file)
    if not found and not file.is_dir():
        left[file.suffix.lower() if file.is_file() else "no regular file"] += 1
    return found


def _has_folders_alone(folder: Path) -> bool:
    entries = _list(folder)
    return any(entry.is_dir() for entry in entries) and not any(map(_is_picture, entries))


def _count(left: Counter[str]) -> str:
    """How many files were left out, by their suffix."""
    kinds = ", ".join(f"{suffix or 'without a suffix'} {count}" for suffix, count in sorted(left.items()))
    return f"; {left.total()} other files ({kinds})" if left else ""
