# SPDX-License-Identifier: Apache-2.0
"""Images from where they are kept: ``load("digits")``, ``load("path/to/cifar-10-batches-py", count=64)``.

One loader a file. Each reads no more than ``count`` images where its format allows, and raises
:class:`nms.errors.UserError` with one line for anything that is missing, damaged or mis-shaped.
"""

from pathlib import Path

from nms.datasets import cifar, digits, folder, idx, npz
from nms.datasets.images import Images
from nms.errors import UserError

__all__ = ["Images", "load"]

KINDS = "digits, a CIFAR-10 directory, an IDX file or directory, a folder of class folders, or an .npz file"


def load(spec: str, count: int | None = None, size: int | None = None, most: int | None = None) -> Images:
    """The first ``count`` images of the data set named by ``spec``, in stored order.

    Parameters
    ----------
    spec : ``digits``, or the path of one of :data:`KINDS`
    count : images to read; ``None`` takes all
    size : side in pixels to which the images of a folder are resized
    most : limit when ``count`` is ``None``

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
        found = _load(spec, limit, size)
    except OSError as error:
        raise UserError(f"{error.filename or spec}: {error.strerror or error}") from None
    if count is not None and len(found.images) < count:
        raise UserError(f"count {count}: {spec!r} holds {len(found.images)} images")
    return found


def _load(spec: str, limit: int | None, size: int | None) -> Images:
    path = Path(spec)
    if spec != "digits" and not path.exists():
        raise UserError(f"data {spec!r}: no such file or directory; expected {KINDS}")
    known = (
        None
        if spec == "digits"
        else next((kind for kind in (cifar, idx, npz) if kind.recognises(path)), None)
    )
    if known is None and spec != "digits":
        if not path.is_dir():
            raise UserError(f"data {spec!r}: not a known kind of file; expected {KINDS}")
        return folder.load(path, limit, size)
    if size is not None:
        raise UserError(f"size {size}: only a folder of class folders is resized, and {spec!r} is none")
    return digits.load(limit) if known is None else known.load(path, limit)
