# SPDX-License-Identifier: Apache-2.0
"""Lists of pictures: a path a line, relative to the list, and a label after it or not.

A text file separates the two by white space, a CSV or TSV file may have a header.
"""

import csv
import io
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from nms.contract.errors import UserError
from nms.datasets import folder
from nms.datasets.images import Images
from nms.datasets.labels import leave_unlabelled, make_printable, number_labels
from nms.datasets.parts import Part
from nms.datasets.request import Request

SUFFIXES = {".txt": None, ".lst": None, ".csv": ",", ".tsv": "\t"}
"""What separates path and label in a file of this name; None is white space."""

FILES = ("file", "filename", "file_name", "filepath", "path", "image", "image_path", "name")
LABELS = ("label", "labels", "class", "target", "category")


def find_parts(path: Path) -> list[Part]:
    """The list itself."""
    return [Part(frozenset(), path)] if path.suffix.lower() in SUFFIXES and path.is_file() else []


def load(path: Path, listed: Path, request: Request) -> Images:
    """Load the pictures of a list in its order; without labels if no line has one."""
    lines = _read(path)
    if not lines:
        raise UserError(f"{path}: not a known kind of file; as a list of images it is empty")
    files, labels = [], []
    for number, name, label in islice(lines, request.limit):
        file = path.parent / name
        if not file.is_file():
            raise UserError(f"{path}: not a known kind of file; as a list, line {number}: no image {name!r}")
        files.append(file)
        labels.append(label)
    numbers, classes = leave_unlabelled(len(files))
    if any(labels):
        if not all(labels):
            raise UserError(f"{path}: {labels.count('')} of {len(labels)} images have no label")
        whole = all(label.removeprefix("-").isdecimal() for label in labels)
        numbers, classes = number_labels(
            [*map(int, labels)] if whole else [*map(make_printable, labels)], str(path)
        )
    found = folder.load_files(files, numbers, request, path.stem, classes, [], path.parent)

    def write(kept: np.ndarray, target: Path) -> None:
        found.write_subset(kept, target)
        chosen = [(folder.place_below(files[at], path.parent), labels[at]) for at in kept.tolist()]
        mark = SUFFIXES[path.suffix.lower()]
        with (target / path.name).open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            if mark:
                csv.writer(file, delimiter=mark, lineterminator="\n").writerows(chosen)
            else:
                file.writelines(f"{name} {label}".rstrip() + "\n" for name, label in chosen)

    return replace(found, write_subset=write)


def _read(path: Path) -> list[tuple[int, str, str]]:
    """The number of each line, its path and its label, or none."""
    text = path.read_text("utf-8-sig", "surrogateescape")  # the names of files are bytes
    if "\0" in text:
        raise UserError(f"{path}: not a known kind of file; a list of images is text")
    mark = SUFFIXES[path.suffix.lower()]
    if mark is None:
        rows = [_split(path.parent, line.strip()) for line in text.splitlines()]
        return [(number, *row) for number, row in enumerate(rows, 1) if row[0]]
    try:
        table = list(csv.reader(io.StringIO(text), delimiter=mark))
    except csv.Error as error:
        raise UserError(f"{path}: not a known kind of file; as a list: {error}") from None
    cells = [(number, row) for number, row in enumerate(table, 1) if any(row)]
    head = [cell.strip().lower() for cell in cells[0][1]] if cells else []
    at, marked = next((head.index(name) for name in FILES if name in head), 0), 1
    if any(name in head for name in FILES):
        cells = cells[1:]
        marked = next((head.index(name) for name in LABELS if name in head), -1)
    return [(n, row[at].strip(), row[marked].strip() if 0 <= marked < len(row) else "") for n, row in cells]


def _split(root: Path, line: str) -> tuple[str, str]:
    """Path and label of a line; a path may have spaces."""
    if not line or (root / line).is_file() or len(line.split()) < 2:
        return line, ""
    name, label = line.rsplit(None, 1)
    return name, label
