# SPDX-License-Identifier: Apache-2.0
"""The hardware in Amaranth, one block a file."""

import os

__path__ = [os.path.realpath(folder) for folder in __path__]
# A checkout holds this folder at its top and a link to it in ``nms``; messages name the real one.
