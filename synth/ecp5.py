# SPDX-License-Identifier: Apache-2.0
"""Place and route on a Lattice ECP5."""
from pathlib import Path
from typing import Any
def place_and_route(module: str, clocks_itself: bool, work: Path) -> dict[str, Any]:
    raise NotImplementedError
