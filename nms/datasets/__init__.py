# SPDX-License-Identifier: Apache-2.0
"""Images from where they are kept: ``load("digits")``, ``load("path/to/cifar-10-batches-py", count=64)``.

One loader a file. Each reads no more than ``count`` images where its format allows, and raises
:class:`nms.contract.errors.UserError` with one line for anything that is missing, damaged or mis-shaped.
"""

from pathlib import Path
from types import ModuleType

import numpy as np

from nms.contract.errors import UserError
from nms.datasets import cifar, digits, folder, idx, npz
from nms.datasets.buffers import hold_in_file, hold_in_memory
from nms.datasets.images import Images

__all__ = ["Images", "load", "stream", "write_subset"]

KINDS = "digits, a CIFAR-10 directory, an IDX file or directory, a folder of class folders, or an .npz file"
"""What a data set can be, as messages say it."""


def load(
    spec: str,
    count: int | None = None,
    size: int | None = None,
    most: int | None = None,
    in_memory: bool = True,
) -> Images:
    """Load the first ``count`` images of the data set named by ``spec``, in stored order.

    Parameters
    ----------
    spec : ``digits``, or the path of one of :data:`KINDS`
    count : images to read; ``None`` takes all
    size : side in pixels to which the images of a folder are resized
    most : limit when ``count`` is ``None``
    in_memory : whether all images are held in memory; see :func:`stream`

    Raises
    ------
    UserError
        No such data set, fewer than ``count`` images, ``size`` for anything but a folder of class
        folders, or what the loader found wrong with a file.
    """
    if count is not None and count < 1:
        raise UserError(f"count {count}: must be at least 1")
    if size is not None and size < 1:
        raise UserError(f"size {size}: must be at least 1 pixel")
    limit = most if count is None else count
    try:
        found = _load(spec, limit, size, in_memory)
    except OSError as error:
        raise UserError(f"{error.filename or spec}: {error.strerror or error}") from None
    if count is not None and len(found.images) < count:
        raise UserError(f"count {count}: {spec!r} holds {len(found.images)} images")
    return found


def stream(spec: str, count: int | None = None, size: int | None = None) -> Images:
    """Load as :func:`load`, with images that are in memory only while they are accessed.

    The images of a folder stay in their files (:class:`nms.datasets.folder.Files`); others are unpacked once
    into a temporary file, which is mapped. Index them by an array of indices, then take ``np.asarray``.
    """
    return load(spec, count, size, in_memory=False)


def write_subset(spec: str, kept: np.ndarray, target: Path) -> None:
    """Write the images ``kept`` (indices, ascending) into the folder ``target``, in the format they came in.

    The digits, which come in no file, become ``digits.npz``.
    """
    kind = _find_loader(spec)
    if kind is digits:
        data = digits.load(None)
        images = data.images[kept].reshape(-1, *data.shape[:2])
        np.savez_compressed(target / "digits.npz", images=images, labels=data.labels[kept])
    else:
        kind.write_subset(Path(spec), kept, target)


def _find_loader(spec: str) -> ModuleType:
    """Find the loader of a data set."""
    if spec == "digits":
        return digits
    path = Path(spec)
    if not path.exists():
        raise UserError(f"data {spec!r}: no such file or directory; expected {KINDS}")
    for kind in (cifar, idx, npz):
        if kind.recognises(path):
            return kind
    if not path.is_dir():
        raise UserError(f"data {spec!r}: not a known kind of file; expected {KINDS}")
    return folder


def _load(spec: str, limit: int | None, size: int | None, in_memory: bool) -> Images:
    kind, path = _find_loader(spec), Path(spec)
    if kind is folder:
        return folder.load(path, limit, size, lazy=not in_memory)
    if size is not None:
        raise UserError(f"size {size}: only a folder of class folders is resized, and {spec!r} is none")
    if kind is digits:
        return digits.load(limit)
    return kind.load(path, limit, hold_in_memory if in_memory else hold_in_file)
