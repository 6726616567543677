# SPDX-License-Identifier: Apache-2.0
"""The reader of VCD traces, vcdvcd's, without what its import does to the process.

It makes any write to a broken pipe end the process without a word; a pool that loses a worker writes to one.
"""

import signal

_before = signal.getsignal(signal.SIGPIPE)
from vcdvcd import VCDVCD  # noqa: E402  # the handler must be read before

signal.signal(signal.SIGPIPE, _before)

__all__ = ["VCDVCD"]
