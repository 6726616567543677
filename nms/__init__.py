# SPDX-License-Identifier: Apache-2.0
"""NMS, the near-memory sampler: hardware that keeps the representative few of many images.

Sample any features in software, or write the hardware of a configuration::

    from nms import DESNESampler, generate
    from nms.contract.config import load

    kept = DESNESampler(ratio=0.1).fit(features).sample_indices_
    generate(load("paper", ["lanes=8"]), "build/mine")

``DESNESampler``, ``Config`` and ``generate`` are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nms.contract.config import Config
    from nms.rtl.export.core import generate
    from nms.sampling.estimator import DESNESampler

__all__ = ["Config", "DESNESampler", "generate"]

_HOMES = {
    "Config": "nms.contract.config",
    "DESNESampler": "nms.sampling.estimator",
    "generate": "nms.rtl.export.core",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nms' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
