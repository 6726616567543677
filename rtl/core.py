# SPDX-License-Identifier: Apache-2.0
"""The sampler without its buses, of whichever method a configuration is."""

from nms.contract.config import Config, ReducedConfig, SamplerConfig
from nms.rtl.lean.sampler import LeanSampler
from nms.rtl.sampler import Sampler


def make_core(config: SamplerConfig) -> Sampler | LeanSampler:
    """The core of ``config``."""
    if isinstance(config, Config):
        return Sampler(config)
    if isinstance(config, ReducedConfig):
        return LeanSampler(config)
    raise TypeError(f"{type(config).__name__}: there is no core for it")
