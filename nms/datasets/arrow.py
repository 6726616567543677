# SPDX-License-Identifier: Apache-2.0
"""Parquet and Arrow files of pictures, as Hugging Face's ``datasets`` writes them; needs pyarrow.

A column of pictures has the bytes of a picture file in each row, as such or as the field ``bytes``.
Labels are a column of integers, whose names are in the schema, or of strings.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract.errors import UserError
from nms.datasets.images import Images
from nms.datasets.labels import leave_unlabelled, number_labels
from nms.datasets.parts import Choice, Part, split_words
from nms.datasets.pictures import find_form, list_losses, read_header, read_pixels
from nms.datasets.request import Request

SUFFIXES = (".parquet", ".arrow")
LABELS = {"label", "labels", "class", "target"}
"""Words of the columns that are labels."""

SEEN = 64
"""Entries of a folder that say what it holds: folders of a million pictures are not listed for nothing."""

ROWS = 256
"""Rows in memory at once."""


def find_parts(path: Path) -> list[Part]:
    """The parts of a folder by the words of its files' names, and of their folders; or a single file."""
    if path.is_file():
        return [Part(_words(Path(path.name)), [path])] if path.suffix in SUFFIXES else []
    files = list(_walk(path, 2))
    found: dict[frozenset[str], list[Path]] = {}
    for file in sorted(files):
        inner = file.relative_to(path)
        if not any(name.startswith((".", "cache-")) for name in inner.parts):
            found.setdefault(_words(inner), []).append(file)
    return [Part(words, of) for words, of in found.items()]


def load(path: Path, files: list[Path], request: Request) -> Images:
    """Load the rows of the files in their order; with a limit, the first of each class in turn."""
    with _readable(path):
        schema = _open_schema(files[0])
        column = _find_column(path, schema)
        marks, notes = _find_labels(path, schema, column, request.choice)
        rows, labels = _choose_rows(files, marks or column, request.limit, in_turn=marks is not None)
        headers = [(name, read_header(picture, name)) for name, picture in _read(files, column, rows)]
        if not headers:
            raise UserError(f"{path}: holds no images")
        form = find_form(headers, request.resize)
        pixels = int(np.prod(form.shape))
        request.check_room(len(headers), pixels, path.name)
        parts = (read_pixels(picture, name, form).tobytes() for name, picture in _read(files, column, rows))
        images = request.hold(parts, len(headers) * pixels).reshape(-1, pixels)
    numbers, classes = leave_unlabelled(len(headers))
    if marks is not None:
        numbers, classes = number_labels(labels, f"{path}: {marks!r}")
        classes = classes or _find_names(schema, marks)
    said = (*notes, *list_losses([header for _, header in headers]))

    def write(kept: np.ndarray, target: Path) -> None:
        with _readable(path):
            _write_rows(files, rows[kept], target / f"{path.stem}.parquet")

    return Images(images, numbers, form.shape, path.resolve().name, False, classes, said, write)


def _words(name: Path) -> frozenset[str]:
    """The words that say what a file holds: without numbers, and without what all such files are called."""
    words = split_words(str(name.with_suffix("")))
    return frozenset(word for word in words if not re.fullmatch("of|data|parquet|[0-9]+|[0-9a-f]{12,}", word))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """The files of a folder and of those in it whose first entries have such a file or a folder."""
    with os.scandir(folder) as entries:
        first = [folder / entry.name for entry in islice(entries, SEEN)]
    if any(entry.suffix in SUFFIXES for entry in first):
        yield from (entry for entry in folder.iterdir() if entry.suffix in SUFFIXES and entry.is_file())
    if depth:
        for entry in first:
            if entry.is_dir():
                yield from _walk(entry, depth - 1)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, or a missing pyarrow, is one line."""
    if not find_spec("pyarrow"):
        raise UserError(f"data {str(path)!r}: needs pyarrow; pip install 'nms[arrow]'")
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a damaged file may raise anything
        words = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: damaged or truncated ({words})") from None


def _open(file: Path, columns: list[str] | None = None) -> Any:
    """The schema of a file, and its batches, of some columns or all."""
    import pyarrow
    from pyarrow import ipc, parquet

    if file.suffix == ".parquet":
        opened = parquet.ParquetFile(file)
        return opened.schema_arrow, opened.iter_batches(ROWS, columns=columns)
    source = pyarrow.memory_map(str(file))
    try:
        reader = ipc.open_stream(source)
    except pyarrow.ArrowInvalid:
        reader = ipc.open_file(source)
        batches = map(reader.get_batch, range(reader.num_record_batches))
    else:
        batches = iter(reader)
    return reader.schema, (batch.select(columns or reader.schema.names) for batch in batches)


def _select(
    files: list[Path], rows: np.ndarray | None, columns: list[str] | None = None
) -> Iterator[tuple[Path, Any, np.ndarray]]:
    """Yield (file, some rows, their numbers) of the rows of these numbers, ascending, or of all.

    The offsets in a batch are checked: pyarrow itself follows damaged ones anywhere.
    """
    begin = 0
    for file in files:
        for batch in _open(file, columns)[1]:
            batch.validate(full=True)
            own = np.arange(begin, begin + len(batch))
            own = own if rows is None else np.intersect1d(own, rows)
            if len(own):
                yield file, batch.take(own - begin), own
            begin += len(batch)
            if rows is not None and (not len(rows) or begin > rows[-1]):
                return


def _open_schema(file: Path) -> Any:
    return _open(file)[0]


def _find_column(path: Path, schema: Any) -> str:
    """The column of pictures: a binary one, or one with the field ``bytes``."""
    import pyarrow.types as types

    for field in schema:
        kind = field.type
        if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            return field.name
        if types.is_binary(kind) or types.is_large_binary(kind):
            return field.name
    raise UserError(f"{path}: no column of encoded images; it has {', '.join(schema.names)}")


def _find_labels(path: Path, schema: Any, column: str, choice: Choice) -> tuple[str | None, tuple[str, ...]]:
    """The column of labels, and what to say of others."""
    others = [name for name in schema.names if name != column]
    found = [name for name in others if split_words(name) & LABELS]
    if choice.labels:
        wanted = split_words(choice.labels)
        found = [name for name in others if wanted <= split_words(name)]
        if not found:
            raise UserError(f"labels {choice.labels!r}: {path} has {', '.join(others) or 'none'}")
    found.sort(key=lambda name: ("fine" not in name, others.index(name)))
    note = f"labels are {found[0]}; --labels takes {' or '.join(found[1:])}" if len(found) > 1 else ""
    return (found[0] if found else None), ((note,) if note else ())


def _find_names(schema: Any, column: str) -> dict[int, str]:
    """The names of the classes, where ``datasets`` left them in the schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return dict(enumerate(map(str, features[column]["names"])))
    except (KeyError, TypeError, ValueError):
        return {}


def _choose_rows(
    files: list[Path], column: str, limit: int | None, in_turn: bool
) -> tuple[np.ndarray, list[Any]]:
    """The numbers of the rows to take, ascending, and what the column has there.

    With a limit, they are the first or, ``in_turn``, the first of each value, as equally as can be.
    """
    first = None if limit is None or in_turn else np.arange(limit)
    batches = (batch for _, batch, _ in _select(files, first, [column]))
    values = (batch.column(column).to_pylist() if in_turn else [None] * len(batch) for batch in batches)
    every = list(chain.from_iterable(values))
    seen: Counter[str] = Counter()
    turns = []
    for value in every:
        turns.append(seen[str(value)])
        seen[str(value)] += 1
    rows = np.sort(np.argsort(turns, kind="stable")[:limit])
    return rows, [every[row] for row in rows.tolist()]


def _read(files: list[Path], column: str, rows: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Yield what messages call a row, and its picture."""
    for file, batch, numbers in _select(files, rows):
        for number, picture in zip(numbers.tolist(), batch.column(column).to_pylist(), strict=True):
            name, found = f"{file} row {number}", picture
            found = _find_bytes(found, file.parent) if isinstance(found, dict) else found
            if not isinstance(found, bytes):
                raise UserError(f"{name}: has no bytes of an image")
            yield name, found


def _find_bytes(picture: dict[str, Any], folder: Path) -> bytes | None:
    """The bytes of a picture, or of the file that its field ``path`` names instead."""
    place = picture.get("path")
    if picture["bytes"] is None and place and (folder / place).is_file():
        return (folder / place).read_bytes()
    return picture["bytes"]


def _write_rows(files: list[Path], rows: np.ndarray, target: Path) -> None:
    """Write rows, as they are, into one Parquet file."""
    from pyarrow import parquet

    with parquet.ParquetWriter(target, _open_schema(files[0])) as writer:
        for _, batch, _ in _select(files, rows):
            writer.write_batch(batch)
