# SPDX-License-Identifier: Apache-2.0
"""The environment variables of the processes that are started: little of the user's, the rest ours.

Compilers, make, Verilator, cocotb, pytest and Python obey dozens of variables, which people set for other
work: ``COCOTB_TEST_FILTER``, ``WAVES``, ``MAKEFILES``, ``CXXFLAGS``, ``PYTHONOPTIMIZE``. With any of them
a result would depend on more than the command that gave it.
"""

import os

PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "XDG_CACHE_HOME",
    "NMS_CACHE",
    "YOWASP_CACHE_DIR",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
"""What may pass: where programs, packages and caches are, and how many threads a process may have."""

OURS = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
"""Tools report their errors in English, which :data:`nms.sim.process.COMPLAINT` knows."""


def make_environment(**own: str) -> dict[str, str]:
    """The environment of a child process: what may pass of the user's, and what is its ``own``."""
    return {name: os.environ[name] for name in PASSED if name in os.environ} | OURS | own
