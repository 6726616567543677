# SPDX-License-Identifier: Apache-2.0
"""``nms energy --system``: what the memory traffic of a training costs."""

from pathlib import Path

from nms import render
from nms.errors import UserError
from nms.output import usable


def run(
    *,
    runs: list[Path],
    workloads: list[str],
    images: int | None,
    image_bytes: int | None,
    activation_bytes: int | None,
    ratio: float | None,
    epochs: int,
    reselect: int,
    sampler_reselect: int,
    subset_stays: bool,
    activation_bits: int,
    link: str,
    parameters: Path | None,
    energies: list[str],
    known: list[str],
    output: Path | None,
    as_json: bool,
) -> None:
    """Compute, print, write; see the command's options. ``known``: all workloads of the table."""
    if not runs:
        raise UserError("--run: missing; give the directory that `nms run --level rtl --bus axi` wrote")
    if ratio is not None and not 0 < ratio <= 1:
        raise UserError(f"--ratio {ratio:g}: must be above 0 and at most 1")
    if image_bytes is None and (images is not None or activation_bytes is not None):
        raise UserError("--images, --activation-bytes: belong to --image-bytes, a data set of your own")
    if image_bytes is not None and (workloads or images is None):
        raise UserError("--image-bytes: needs --images, and no --workload")
    if output is not None:
        usable(output)
    from nms.energy import system, system_tables
    from synth.energy.accounting import Training
    from synth.energy.parameters import load

    table = load(parameters)
    found = system.sources(runs, energies)
    training = Training(
        images or 1,
        image_bytes or 1,
        system.counted_ratio([source.run for source in found]) if ratio is None else ratio,
        epochs,
        reselect,
        sampler_reselect,
        subset_stays,
    )
    if image_bytes is not None:
        saved = None if activation_bytes is None else float(activation_bytes)
        jobs = [system.Job("own", training, saved)]
    else:
        jobs = [system.workload(table, name, training) for name in workloads or known]
    command = [
        "energy", "--system", *(word for path in runs for word in ("--run", str(path))),
        *(word for name in workloads for word in ("--workload", name)),
        *(["--image-bytes", str(image_bytes), "--images", str(images)] if image_bytes is not None else []),
        *(["--activation-bytes", str(activation_bytes)] if activation_bytes is not None else []),
        "--ratio", f"{training.ratio!r}", "--epochs", str(epochs), "--reselect", str(reselect),
        "--sampler-reselect", str(sampler_reselect), *(["--subset-stays"] if subset_stays else []),
        "--activation-bits", str(activation_bits), "--link", link,
        *(["--parameters", str(parameters)] if parameters else []),
        *(word for text in energies for word in ("--sampler-energy", text)),
    ]  # fmt: skip
    figures = system.record(table, jobs, found, link, activation_bits, command)
    written = system.save(output, figures) if output is not None else []
    if as_json:
        render.print_json(figures)
        return
    system_tables.show(figures)
    if written:
        print("written:", ", ".join(map(str, written)))
