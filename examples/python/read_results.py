# SPDX-License-Identifier: Apache-2.0
"""Learn what a run leaves behind: read `results.npz` and `results.json` of `nms run`.

Give the directory of a run; without one, a small run is made first, with the bit-true model, in `run/`.
`--level rtl` in its place would send the same images through the simulated hardware.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

RUN = ["run", "-c", "tiny", "--count", "16", "--perplexity", "5", "--ratio", "0.3", "--level", "golden"]


def main() -> None:
    """Read a run and print what is in it."""
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    else:
        folder = Path("run")
        command = [sys.executable, "-m", "nms.cli", *RUN, "-o", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    figures = json.loads((folder / "results.json").read_text())
    print(f"level {figures['level']}, seed {figures['seed']}, digest {figures['digest']}")
    print(f"rows by status: {figures['perplexity']['rows']}")

    with np.load(folder / "results.npz") as results:
        for name, array in results.items():
            print(f"{name}: {array.dtype} {array.shape}")
        kept = results["kept"]
        print("kept:", kept.tolist(), "of classes", results["labels"][kept].tolist())


if __name__ == "__main__":
    main()
