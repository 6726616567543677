# SPDX-License-Identifier: Apache-2.0
"""Testbench of the processing element (PE), :class:`nms.rtl.array.pe.PE`.

Its pipelines never wait, so all stalls are gaps between inputs.

Parameters: ``config``; ``passes``: random passes of each kind, 40 by default.
"""
