# SPDX-License-Identifier: Apache-2.0
"""``nms evaluate``: does sampling help?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from nms import render
from nms.commands.options import (
    ApartWindow,
    Contrast,
    Data,
    Grid,
    Iterations,
    Json,
    Perplexity,
    Pick,
    Quota,
    Ratio,
    Resize,
    Seed,
    Start,
    near,
)
from nms.commands.progress import progress
from nms.contract import output as outputs

Test = Annotated[
    str | None, typer.Option(help="Held-out images; else the data set's test part, else 20 % of each class.")
]
Drawn = Annotated[
    int | None, typer.Option("--count", help="Training images drawn by each seed; if not given, all.")
]
Seeds = Annotated[int, typer.Option(help="Trials, 5 or more; each draws its images, filters and starts.")]
Methods = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Methods; class-balanced random is always one."),
]
Against = Annotated[str, typer.Option(metavar="NAME", help="Method that the others are compared with.")]
Model = Annotated[str, typer.Option(help="ridge (on random convolutional features) or cnn (PyTorch).")]
Kind = Annotated[str, typer.Option("--scenario", help="clean, redundant or long-tail.")]
Duplicates = Annotated[float, typer.Option(help="Share of near-duplicates of a redundant stream.")]
Shift = Annotated[int, typer.Option(help="Pixels, at most, by which a near-duplicate is shifted.")]
Shuffled = Annotated[bool, typer.Option("--shuffled", help="Near-duplicates anywhere, not in a row.")]
Tail = Annotated[float, typer.Option(help="Exponent of a long tail: rank ** -tail of a class is there.")]
Classes = Annotated[str, typer.Option(help="How classes share what is kept: balanced or proportional.")]
Bursts = Annotated[
    float, typer.Option(help="Exponent of bursts' lengths: 0, originals drawn alike; 1, by Zipf's law.")
]
Batch = Annotated[int, typer.Option(help="Images of a batch, for NMS by batch.")]
Distance = Annotated[
    float,
    typer.Option(
        "--apart", help="Distance of near-duplicates, 0 to 2, for names ending with -dedup; software only."
    ),
]
SavedTo = Annotated[Path | None, typer.Option("-o", "--output", help="Directory for evaluate.json.")]


def evaluate(
    data: Data = "digits",
    test: Test = None,
    count: Drawn = None,
    resize: Resize = None,
    ratio: Ratio = 0.1,
    scenario: Kind = "clean",
    duplicates: Duplicates = 0.8,
    shift: Shift = 1,
    shuffled: Shuffled = False,
    bursts: Bursts = 0.0,
    tail: Tail = 1.0,
    methods: Methods = None,
    against: Against = "balanced",
    model: Model = "ridge",
    seeds: Seeds = 5,
    seed: Seed = 1,
    classes: Classes = "balanced",
    batch: Batch = 256,
    apart: Distance = 0.2,
    apart_window: ApartWindow = None,
    perplexity: Perplexity = 15.0,
    iterations: Iterations = 300,
    grid: Grid = "adaptive",
    pick: Pick = "centre",
    quota: Quota = "rounds",
    start: Start = "random",
    contrast: Contrast = False,
    output: SavedTo = None,
    as_json: Json = False,
) -> None:
    """Train a model on what each method keeps; compare accuracies on held-out images, with their errors."""
    from nms.contract.errors import UserError
    from nms.evaluation import evaluate as run
    from nms.evaluation import model as models
    from nms.evaluation.methods import METHODS, MethodOptions
    from nms.evaluation.scenario import Scenario, Source
    from nms.evaluation.summary import summarise
    from nms.sampling import Method

    stream = Scenario(scenario, duplicates, tail, shift, shuffled, bursts)
    method = Method(
        perplexity, iterations, int(grid) if grid.isdecimal() else grid, pick, quota, start, contrast
    )
    choice = MethodOptions(method, batch, classes, near(apart, apart_window))
    asked = methods.split(",") if methods is not None else [*METHODS, "balanced-dedup", "nms-class-dedup"]
    names = [*dict.fromkeys([against, "balanced", *asked])]
    if seeds < run.FEWEST:
        raise UserError(f"seeds {seeds}: at least {run.FEWEST}, for a standard error")
    if not 0 <= seed <= (1 << 32) - seeds:
        raise UserError(f"seed {seed}: must be 0 to {(1 << 32) - seeds}")
    run.check_methods(names, ratio)
    fitted = models.find_model(model)
    if output:
        outputs.usable(output)
    source = Source.load(data, test, resize)
    numbers = range(seed, seed + seeds)
    with progress("models trained") as bar:
        task = bar.add_task("models", total=len(names) * seeds)
        found = run.evaluate(
            source, stream, names, ratio, numbers, fitted, choice, count, lambda: bar.advance(task)
        )
    figures = summarise(
        found,
        source,
        {
            "data": data, "test": test, "count": count, "ratio": ratio, "model": model, "seeds": [*numbers],
            "scenario": asdict(stream), "classes": classes, "batch": batch,
            "near_duplicates": asdict(choice.near_duplicates),
            "method": asdict(method), "software_only": method.software_only,
        },
    )  # fmt: skip
    if output:
        outputs.place(
            output, lambda to: (to / "evaluate.json").write_text(json.dumps(figures, indent=2) + "\n")
        )
    if as_json:
        render.print_json(figures)
    else:
        render.print_evaluation(figures)
        if output:
            print("written:", output / "evaluate.json")
