# SPDX-License-Identifier: Apache-2.0
"""Images from where they are kept: ``load("digits")``, ``load("path/to/cifar-10-batches-py", count=64)``.

One loader a file. Its ``find_parts(path)`` lists the parts of a data set of its kind, none of another's; its
``load(path, where, request)`` loads the part that is at ``where``. Each reads no more than ``count`` images
where its format allows, and raises :class:`nms.contract.errors.UserError` with one line for anything that is
missing, damaged or mis-shaped.
"""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

from nms.contract.errors import UserError
from nms.datasets import arrow, cifar, digits, folder, idx, listing, npz
from nms.datasets.images import Images
from nms.datasets.labels import make_printable
from nms.datasets.parts import Choice, Part, choose_part
from nms.datasets.request import Request

__all__ = ["Choice", "Images", "load", "load_test_part", "stream"]

KINDS = (
    "digits, CIFAR-10 or CIFAR-100, an IDX file or a folder of them, a folder of images or of class folders, "
    "a list of images, an .npz file, or Parquet or Arrow files"
)
"""What a data set can be, as messages say it."""

LOADERS = (cifar, idx, npz, listing, arrow, folder)
"""The first that finds a part reads it."""

PICTURES = (folder, listing, arrow)
"""Loaders of pictures that are encoded one by one."""

CHOOSING = (cifar, npz, arrow)
"""Loaders of data sets that can have several labels of an image."""


def load(
    spec: str,
    count: int | None = None,
    resize: int | None = None,
    most: int | None = None,
    in_memory: bool = True,
    choice: Choice | None = None,
) -> Images:
    """Load the first ``count`` images of the data set named by ``spec``, in stored order.

    Parameters
    ----------
    spec : ``digits``, or the path of one of :data:`KINDS`
    count : images to read; ``None`` takes all
    resize : side in pixels to which pictures that are encoded one by one are resized
    most : limit when ``count`` is ``None``
    in_memory : whether all images are held in memory; see :func:`stream`
    choice : the part and the labels to take; by default training images before others, and the first labels

    Raises
    ------
    UserError
        No such data set, fewer than ``count`` images, ``resize`` for arrays, several splits, too little
        memory, or what the loader found wrong with a file.
    """
    choice = choice or Choice()
    if count is not None and count < 1:
        raise UserError(f"count {count}: must be at least 1")
    if resize is not None and resize < 1:
        raise UserError(f"resize {resize}: must be at least 1 pixel")
    try:
        kind, parts = _find_parts(spec)
        part = choose_part(spec, parts, choice)
        request = Request(most if count is None else count, resize, in_memory, choice)
        _check(spec, kind, request)
        found: Images = kind.load(Path(spec), part.where, request)
    except OSError as error:
        raise UserError(f"{error.filename or spec}: {error.strerror or error}") from None
    if count is not None and len(found.images) < count:
        raise UserError(f"count {count}: {spec!r} holds {len(found.images)} images")
    notes = []
    if part.rank > 1 and not choice.held_out and not choice.split:
        notes.append(f"has no training images; read are those of {'-'.join(sorted(part.words))}")
    first = int(found.labels[0])
    some = 1 < len(found.labels) == request.limit
    if some and found.labelled and (found.labels == first).all():
        notes.append(f"all {len(found.labels)} images are of class {found.name_class(first)}")
    return replace(found, name=make_printable(found.name), notes=(*notes, *found.notes))


def stream(
    spec: str, count: int | None = None, resize: int | None = None, choice: Choice | None = None
) -> Images:
    """Load as :func:`load`, with images that are in memory only while they are accessed.

    Pictures in files of their own stay there (:class:`nms.datasets.pictures.Files`); others are unpacked once
    into a temporary file, which is mapped. Index them by an array of indices, then take ``np.asarray``.
    """
    return load(spec, count, resize, in_memory=False, choice=choice)


def load_test_part(spec: str, resize: int | None = None, choice: Choice | None = None) -> Images | None:
    """Load the held-out images that belong to the training images of a data set; ``None`` if it has none."""
    choice = replace(choice or Choice(), held_out=True)
    path = Path(spec)
    if spec == "digits" or not path.exists() or not (path.is_dir() or path.suffix == ".npz"):
        return None
    _, parts = _find_parts(spec)
    part = choose_part(spec, parts, choice)
    if part.rank < 2 or part is choose_part(spec, parts, replace(choice, held_out=False)):
        return None
    return load(spec, resize=resize, choice=choice)


def _find_parts(spec: str) -> tuple[ModuleType, list[Part]]:
    """Find the loader of a data set, and what it finds there."""
    if spec == "digits":
        return digits, [Part(frozenset(), None)]
    path = Path(spec)
    if not spec or not path.exists():
        raise UserError(f"data {spec!r}: no such file or directory; expected {KINDS}")
    for kind in LOADERS:
        if parts := kind.find_parts(path):
            return kind, parts
    raise UserError(f"data {spec!r}: not a known kind of file; expected {KINDS}")


def _check(spec: str, kind: ModuleType, request: Request) -> None:
    """Refuse what a kind of data set has no use for."""
    if request.resize is not None and kind not in PICTURES:
        raise UserError(
            f"resize {request.resize}: only pictures in files are resized, and {spec!r} holds arrays"
        )
    if request.choice.labels is not None and kind not in CHOOSING:
        raise UserError(f"labels {request.choice.labels!r}: {spec!r} has no choice of labels")
