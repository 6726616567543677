# SPDX-License-Identifier: Apache-2.0
"""Images as the hardware takes them in: a stream of words of several pixels each."""

import numpy as np


def pack_images(images: np.ndarray, lanes: int) -> list[int]:
    """The words of images (N, D) uint8: ``lanes`` pixels each, the first in the low byte.

    Every image begins with a new word, and its last word is padded with 0.
    """
    count, pixels = images.shape
    padded = np.zeros((count, -(-pixels // lanes) * lanes), np.uint8)
    padded[:, :pixels] = images
    raw = padded.tobytes()
    return [int.from_bytes(raw[at : at + lanes], "little") for at in range(0, len(raw), lanes)]
