# SPDX-License-Identifier: Apache-2.0
"""From counted toggles to joules (``sampler``), and from moved bytes to joules (``system``)."""

import os

__path__ = [os.path.realpath(folder) for folder in __path__]
# A checkout holds this folder at its top and a link to it in ``nms``; messages name the real one.
