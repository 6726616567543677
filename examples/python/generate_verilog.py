# SPDX-License-Identifier: Apache-2.0
"""Learn how to generate the hardware from Python: change a preset, look at what follows, write the Verilog.

Give a directory for the files; without one they go to `core/`.
"""

import sys
from pathlib import Path

from nms import generate
from nms.contract.config import load


def main() -> None:
    """Load, change, generate."""
    config = load("tiny", ["lanes=2"])
    print(f"{config.name}: {config.images} images of {config.pixels} bytes, digest {config.digest}")
    for group, name, value, unit in config.derived.rows()[:4]:
        print(f"{group}, {name}: {value} {unit}".rstrip())

    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "core")
    files = generate(config, folder)
    for file in sorted(files):
        print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
