# SPDX-License-Identifier: Apache-2.0
"""``nms evaluate``: does sampling help?"""

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from nms import render
from nms.commands.command_line import command_line, expand_groups
from nms.commands.completion import complete_methods, offer
from nms.commands.option_groups import (
    PartOptions,
    ReductionOptions,
    SamplingOptions,
    drop_absent,
    make_near_duplicates,
    smallest_image,
    warn,
)
from nms.commands.options import (
    Data,
    Force,
    Json,
    NearDuplicatesWindow,
    OptionalOutput,
    Overrides,
    Ratio,
    Resize,
    Seed,
    config_option,
)
from nms.commands.progress import progress
from nms.contract import config as configuration
from nms.contract import output as outputs

if TYPE_CHECKING:
    from nms.evaluation.scenario import Scenario

Test = Annotated[
    str | None,
    typer.Option(
        help="Held-out images; by default the data set's test part, or 20 % of each class if it has none."
    ),
]
Drawn = Annotated[
    int | None,
    typer.Option("--count", help="Number of training images that each seed draws; all by default."),
]
Seeds = Annotated[int, typer.Option(help="Trials, 5 or more; each draws its images, filters and starts.")]
Methods = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="Methods to compare; class-balanced random is always one.",
        autocompletion=complete_methods,
    ),
]
Against = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Method that the others are compared with.", autocompletion=complete_methods
    ),
]
Model = Annotated[
    str,
    typer.Option(
        help="Model to train: ridge (on random convolutional features) or cnn (PyTorch).",
        autocompletion=offer("ridge", "cnn"),
    ),
]
Kind = Annotated[
    str,
    typer.Option(
        "--scenario",
        help="Training stream: clean, redundant or long-tail.",
        autocompletion=offer("clean", "redundant", "long-tail"),
    ),
]
Duplicates = Annotated[float, typer.Option(help="Share of near-duplicates in a redundant stream.")]
Shift = Annotated[int, typer.Option(help="Pixels, at most, by which a near-duplicate is shifted.")]
Shuffled = Annotated[
    bool, typer.Option("--shuffled", help="Spread near-duplicates over the stream, not in a row.")
]
Tail = Annotated[
    float, typer.Option(help="Exponent of a long tail: the class of rank r keeps r ** -TAIL of its images.")
]
Classes = Annotated[str, typer.Option(help="How classes share the images to keep: balanced or proportional.")]
Bursts = Annotated[
    float,
    typer.Option(
        help="Exponent of the lengths of bursts: 0 copies all originals alike, 1 follows Zipf's law."
    ),
]
Batch = Annotated[int, typer.Option(help="Images of a batch, for NMS by batch.")]
Distance = Annotated[
    float,
    typer.Option(
        "--near-duplicates",
        metavar="DISTANCE",
        help="Distance of near-duplicates, 0 to 2, for names ending with -dedup; software only.",
    ),
]
ModelPreset = Annotated[
    str,
    config_option(
        "Preset, or TOML file of a configuration that reduces images: the model of herding and lean-PICK, or"
        " of published-PICK."
    ),
]


@dataclass(frozen=True)
class ScenarioOptions:
    """The stream of training images."""

    scenario: Kind = "clean"
    duplicates: Duplicates = 0.8
    shift: Shift = 1
    shuffled: Shuffled = False
    bursts: Bursts = 0.0
    tail: Tail = 1.0

    def make(self) -> "Scenario":
        """The scenario, checked."""
        from nms.evaluation.scenario import Scenario  # slow to import

        return Scenario(self.scenario, self.duplicates, self.tail, self.shift, self.shuffled, self.bursts)


RECORD = "evaluate.json"


@expand_groups
def evaluate(
    context: typer.Context,
    data: Data = "digits",
    test: Test = None,
    count: Drawn = None,
    resize: Resize = None,
    ratio: Ratio = 0.1,
    *,
    parts: PartOptions,
    training: ScenarioOptions,
    methods: Methods = None,
    against: Against = "balanced",
    model: Model = "ridge",
    seeds: Seeds = 5,
    seed: Seed = 1,
    classes: Classes = "balanced",
    batch: Batch = 256,
    near_duplicates: Distance = 0.2,
    near_duplicates_window: NearDuplicatesWindow = None,
    sampling: SamplingOptions,
    preset: ModelPreset = "lean",
    overrides: Overrides = None,
    reduction: ReductionOptions,
    output: OptionalOutput = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train a model on what each method keeps; compare accuracies on held-out images, with their errors.

    Example: `nms evaluate --ratio 0.1 --methods nms-class,k-means`

    Example: `nms evaluate --data cifar-10-batches-py --scenario redundant --model cnn -o evaluation`
    """
    from nms.contract.config import reduces
    from nms.contract.errors import UserError
    from nms.evaluation import evaluate as run
    from nms.evaluation import model as models
    from nms.evaluation.methods import MethodOptions, list_methods
    from nms.evaluation.scenario import Source
    from nms.evaluation.summary import summarise
    from nms.sampling import BitTrue

    stream = training.make()
    method = replace(sampling, search=None).make()
    removal = make_near_duplicates(near_duplicates, near_duplicates_window)
    config = configuration.load(preset, overrides or ())
    if not reduces(config):
        raise UserError(f"configuration {config.name}: must reduce images, as lean does; -P side=8 does")
    of_map = {name: getattr(sampling, name) for name in ("perplexity", "iterations", "search")}
    given = of_map | asdict(reduction)
    bit_true = BitTrue(config, smallest_image(reduction), **drop_absent(given))
    choice = MethodOptions(method, batch, classes, removal, bit_true)
    asked = (
        methods.split(",")
        if methods is not None
        else [*list_methods(config), "balanced-dedup", "nms-class-dedup"]
    )
    names = [*dict.fromkeys([against, "balanced", *asked])]
    if seeds < run.FEWEST:
        raise UserError(f"seeds {seeds}: at least {run.FEWEST}, for a standard error")
    if not 0 <= seed <= (1 << 32) - seeds:
        raise UserError(f"seed {seed}: must be 0 to {(1 << 32) - seeds}")
    run.check_methods(names, ratio, bit_true)
    trainer = models.find_model(model)
    if output:
        inputs = [data, *([test] if test is not None else [])]
        context.with_resource(outputs.reserve(output, [RECORD], inputs))
        outputs.check_earlier(output / RECORD, command_line(context), force)
    source = Source.load(data, test, resize, parts.make())
    for note in source.notes:
        warn(f"{source.name}: {note}")
    numbers = range(seed, seed + seeds)
    with progress("models trained") as bar:
        task = bar.add_task("models", total=len(names) * seeds)
        found = run.evaluate(
            source, stream, names, ratio, numbers, trainer, choice, count, lambda: bar.advance(task)
        )
    figures = {"command": command_line(context)} | summarise(
        found,
        source,
        {
            "data": data, "test": test, "count": count, "ratio": ratio, "model": model, "seeds": [*numbers],
            "scenario": asdict(stream), "classes": classes, "batch": batch,
            "near_duplicates": asdict(choice.near_duplicates),
            "method": asdict(method), "software_only": method.software_only,
            "bit_true": bit_true.describe(),
        },
    )  # fmt: skip
    if output:
        outputs.publish(output, lambda to: (to / RECORD).write_text(json.dumps(figures, indent=2) + "\n"))
    if as_json:
        render.print_json(figures)
    else:
        render.print_evaluation(figures)
        if output:
            print("written:", output / RECORD)
