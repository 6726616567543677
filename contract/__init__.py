# SPDX-License-Identifier: Apache-2.0
"""What every layer may know: configuration, formats, settings, registers and tables.

``contract.md`` is the text from which the golden models and the hardware are both written.
"""

import os

__path__ = [os.path.realpath(folder) for folder in __path__]
# A checkout holds this folder at its top and a link to it in ``nms``; messages name the real one.
