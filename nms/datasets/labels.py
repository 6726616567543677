# SPDX-License-Identifier: Apache-2.0
"""Labels of any kind as numbers, with their names."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from nms.contract.errors import UserError

UNLABELLED = -1
"""The number of an image's class where a data set has no labels."""

LARGEST = 1 << 63
"""Integers below are their own class number."""

Named = tuple[np.ndarray, dict[int, str]]
"""Class numbers (N,) int64, 0 or more, and the names of those that are not called by their number."""


def number_labels(labels: np.ndarray | Sequence, subject: str) -> Named:
    """Number labels: integers that can be are their own number, all others are numbered in sorted order.

    Parameters
    ----------
    labels : (N,), (N, 1) or one-hot (N, K): integers of any size, truth values, strings, or whole floats
    subject : what messages call them

    Raises
    ------
    UserError
        They are of another kind or shape.
    """
    try:
        values = np.asarray(labels)
    except ValueError:
        raise UserError(f"{subject} must be one label an image, integers or strings") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "biuf" and _is_one_hot(values):
        values = values.argmax(axis=1)
    if values.ndim != 1:
        raise UserError(f"{subject} is {values.dtype} {values.shape}; must be integers or strings, (N,)")
    if values.dtype.kind in "iu" and (not values.size or 0 <= values.min() <= values.max() < LARGEST):
        return values.astype(np.int64), {}
    return _number(_list_values(values, labels, subject))


def make_printable(name: str) -> str:
    """The name of a file or folder as text, with the bytes that are none in hexadecimal."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def leave_unlabelled(count: int) -> Named:
    """The numbers of ``count`` images without labels."""
    return np.full(count, UNLABELLED), {}


def _is_one_hot(values: np.ndarray) -> bool:
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())


def _list_values(values: np.ndarray, labels: np.ndarray | Sequence, subject: str) -> list:
    """The labels as Python values of one type, integers or strings."""
    if isinstance(labels, list) and values.dtype.kind == "f":
        values = np.array(labels, object)  # whole numbers beyond 64 bits
    found = [_simplify(value) for value in values.tolist()]
    if any(all(isinstance(value, kind) for value in found) for kind in (int, str)):
        return found
    raise UserError(f"{subject} is {values.dtype}; must be integers or strings, (N,)")


def _simplify(value: Any) -> Any:
    """A label as an integer or a string, if it is one in another form."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    whole = isinstance(value, np.integer) or (isinstance(value, float) and value.is_integer())
    return int(value) if whole else value


def _number(values: list) -> Named:
    if not any(isinstance(value, (str, bool)) for value in values) and all(0 <= v < LARGEST for v in values):
        return np.array(values, np.int64), {}
    order = sorted(set(values))
    place = {value: number for number, value in enumerate(order)}
    numbers = np.array([place[value] for value in values], np.int64)
    return numbers, {number: str(value) for number, value in enumerate(order)}
