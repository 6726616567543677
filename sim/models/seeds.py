# SPDX-License-Identifier: Apache-2.0
"""Random numbers of the testbenches: one seed a run, and an independent generator for each name."""

import hashlib

import numpy as np

from nms.sim.verilator.context import context


def derive(seed: int, name: str) -> np.random.Generator:
    """A generator that depends on the seed and the name alone, whatever other generators have given."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4")
    return np.random.default_rng([seed, *(int(word) for word in words)])


def generator(name: str) -> np.random.Generator:
    """Inside a testbench: :func:`derive` with the seed of the run."""
    return derive(context().seed, name)
