# SPDX-License-Identifier: Apache-2.0
"""Golden models in numpy: ``exact`` in float64, and a bit-true model of each block of the hardware.

The bit-true models are written from ``contract/contract.md`` alone, independently of the hardware; every
docstring names its section. Their values are raw integers in the formats of :mod:`nms.contract.formats`,
``F.mantissa`` etc.
"""

import os

__path__ = [os.path.realpath(folder) for folder in __path__]
# A checkout holds this folder at its top and a link to it in ``nms``; messages name the real one.
