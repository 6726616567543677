# SPDX-License-Identifier: Apache-2.0
"""What the commands print: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from nms.benchmarks.figure import Figure
    from nms.run import Outcome

GAPS = (2, 1)
"""Spaces between two columns of a table; the second of one that would be too wide."""

SHORT = 10
"""Characters of a number with its unit that stay in one line."""

LAST = 24
"""Characters of a word, such as a path, that stay together in the last column of a table."""


def print_json(value: object) -> None:
    """Print indented JSON."""
    print(json.dumps(value, indent=2))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], header: bool = True, least: int = 0
) -> None:
    """Print a table, numbers aligned to the right; a first cell equal to the one above it is left empty.

    No word is cut but in the last column, and the table is at least ``least`` characters wide, even if the
    terminal is narrower.
    """
    rows = [list(row) for row in rows]
    texts = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    gap, widths = _fit(columns if header else [""] * len(columns), texts, max(Console().width, least))
    table = Table(show_header=header, box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for index, (column, width) in enumerate(zip(columns, widths, strict=True)):
        figures = all(isinstance(row[index], (int, float)) for row in rows)
        table.add_column(column, justify="right" if figures else "left", overflow="fold", width=width)
    above = None
    for cells in texts:
        first = "" if cells[0] == above else cells[0]
        above = cells[0]
        table.add_row(*map(Text, [first, *cells[1:]]))  # not markup, whatever is in brackets
    Console(highlight=False, width=sum(widths) + gap * len(widths)).print(table)


def _fit(heads: Sequence[str], rows: list[list[str]], available: int) -> tuple[int, list[int]]:
    """Spaces between columns and their widths, for a table of so many characters.

    Each column has room for its longest word, or number with its unit, at least.
    """
    columns = [[head, *(row[index] for row in rows)] for index, head in enumerate(heads)]
    parts = [[part for cell in column for part in _divide(cell)] for column in columns]
    widths = [max(map(len, found), default=0) for found in parts]
    widths[-1] = min(widths[-1], LAST)
    gap = next((gap for gap in GAPS if sum(widths) + gap * len(widths) <= available), GAPS[-1])
    spare = available - sum(widths) - gap * len(widths)
    wanted = [max(map(len, column)) - width for column, width in zip(columns, widths, strict=True)]
    for index in sorted(range(len(columns)), key=wanted.__getitem__):
        grown = max(0, min(wanted[index], spare))
        widths[index] += grown
        spare -= grown
    return gap, widths


def _divide(cell: str) -> list[str]:
    """The parts of a text that stay together: its words, or a number with its unit."""
    return [cell] if len(cell) <= SHORT and cell[:1].isdigit() else cell.split()


def print_run(outcome: "Outcome", figures: dict[str, Any], kept: list[int]) -> None:
    """Print the summary of a run: input, kept indices, search; at level rtl also comparison and cycles."""
    source = figures["input"]
    rows: list[Sequence[object]] = [
        ("input", f"{source['name']}, {figures['count']} images of {figures['pixels']} bytes"),
        ("configuration", f"{figures['configuration']['name']} {figures['digest']}, seed {figures['seed']}"),
        (f"kept {len(kept)}", " ".join(map(str, kept))),
        *(_search_rows(figures["perplexity"]) if "perplexity" in figures else []),
        *_reduction_rows(figures),
    ]
    print_table(["", ""], rows, header=False)
    if not outcome.comparison:
        return
    print_table(
        ["table", "compared", "mismatches", "first difference"],
        [[t.name, t.compared, t.mismatches, t.first or ""] for t in outcome.comparison]
        + [["all", outcome.compared, outcome.mismatches, ""]],
    )
    print_table(
        ["phase", "cycles", "busy"],
        [
            [phase, cycles, f"{outcome.utilisation[phase]:.1%}" if phase in outcome.utilisation else ""]
            for phase, cycles in outcome.cycles.items()
        ],
    )
    if outcome.traffic:
        crossed = (f"{name.removeprefix('bytes_')} {n:,}" for name, n in outcome.traffic["counters"].items())
        print("bytes:", ", ".join(crossed))
    if outcome.dram:
        print_dram(outcome.dram["commands"])
        rate = outcome.dram["bytes_per_second"] / 1e6
        print(f"DRAM: {outcome.dram['hits']:.1%} hits, {rate:,.0f} MB/s while the sampler read or wrote")
    print("seconds:", ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.seconds.items()))


def print_soc(figures: dict[str, Any]) -> None:
    """Print a run in a system on chip: comparison, jobs and DRAM commands."""
    dram = figures["system"]["dram"]
    rows: list[Sequence[object]] = [
        ("configuration", f"{figures['configuration']['name']} {figures['digest']}"),
        ("DRAM", f"{figures['system']['module']}, {dram['kind']}, {dram['pins']} pins"),
        *((name, f"{figures[name]:,}") for name in ("interrupts", "compared", "differences")),
    ]
    print_table(["", ""], rows, header=False)
    if figures["jobs"]:
        print_table(list(figures["jobs"][0]), [list(job.values()) for job in figures["jobs"]])
    print_dram(figures["dram_commands"])
    if "processor" in figures:
        _print_processor(figures["processor"])


def _print_processor(found: dict[str, Any]) -> None:
    """Print the energy of the processor's software."""
    share = {part: f"{joules / found['joule']:.1%}" for part, joules in found["parts"].items()}
    energy = (
        f"{found['joule'] * 1e6:.4g} uJ in {found['cycles']:,} cycles, standard error {found['error']:.1%}"
    )
    known = f"{found['coverage']:.1%} of its netlist's capacitance, in {found['counted']:,} cycles"
    rows = [
        ("processor", energy),
        *((f"... of it {part}", of) for part, of in share.items()),
        ("toggles", known),
    ]
    print_table(["", ""], rows, header=False)


def print_dram(commands: dict[str, dict[str, int]]) -> None:
    """Print the cycles and DRAM commands of each phase of a job."""
    columns = list(next(iter(commands.values())))
    print_table(
        ["phase", *columns],
        [[phase, *(counts[name] for name in columns)] for phase, counts in commands.items()],
    )


def _search_rows(search: dict[str, Any]) -> list[Sequence[object]]:
    """How the search ended, if there was one."""
    if not any(search["rows"].values()):
        return []
    rows: list[Sequence[object]] = [
        ("perplexity", f"{search['target']:g}"),
        ("rows", ", ".join(f"{count} {status}" for status, count in search["rows"].items() if count)),
    ]
    if "true_error" in search:
        error = search["true_error"]
        steps = "generations" if "generations" in search else "evaluations"
        taken = search[steps]
        rows += [
            (
                "perplexity error",
                f"at most {error['max']:.2g}, median {error['median']:.2g} (80-bit, from beta)",
            ),
            (steps, f"median {taken['median']:g}, at most {taken['max']}"),
        ]
    return rows


def _reduction_rows(figures: dict[str, Any]) -> list[Sequence[object]]:
    """What was compared, if not the images as they are, and what picked, if it was named."""
    rows: list[Sequence[object]] = []
    if "reduced" in figures:
        grey = ", grey" if figures["grey"] else ""
        rows.append(("compared", f"{figures['reduced']} bytes of an image{grey}"))
    if "pick" in figures:
        rows.append(("pick", figures["pick"]))
    if "standing" in figures:
        rule = f"threshold {figures['threshold']}, window {figures['window']}"
        rows.append(("standing", f"{figures['standing']} images are no near-duplicates ({rule})"))
    return rows


def print_evaluation(figures: dict[str, Any]) -> None:
    """Print the accuracy of each method and its difference from the first, with their standard errors."""
    source, settings, stream = figures["input"], figures["settings"], figures["settings"]["scenario"]
    kind = stream["kind"]
    if kind == "redundant":
        kind += f", bursts rank ** -{stream['bursts']:g}" if stream["bursts"] else ""
        order = "anywhere" if stream["shuffled"] else "in a row"
        kind += f", {stream['duplicates']:.0%} near-duplicates, {order}"
        kind += f", shifted by at most {stream['shift']} px"
    elif kind == "long-tail":
        kind += f", rank ** -{stream['tail']:g} of a class"
    held = f"{source['held_out']}, {_span(source['held_out_images'])} images"
    kept = f"{_span(figures['rows'][0]['kept'])} (ratio {settings['ratio']:g})"
    rows: list[Sequence[object]] = [
        ("input", f"{source['name']}; held out: {held}"),
        ("stream", f"{_span(source['stream_images'])} images, {kind}"),
        *(
            [("distinct", f"{_span(source['distinct_images'])} images without near-duplicates")]
            if source["distinct_images"]
            else []
        ),
        *(
            [("standing", f"{_span(source['standing_images'])} images, by the model's threshold")]
            if source["standing_images"]
            else []
        ),
        ("kept", f"{kept}, classes {settings['classes']}"),
        ("model", settings["model"]),
        ("seeds", f"{settings['seeds'][0]} to {settings['seeds'][-1]}"),
    ]
    if settings["software_only"]:
        rows.append(("software only", ", ".join(settings["software_only"])))
    print_table(["", ""], rows, header=False)
    print()
    body = [
        [
            row["method"],
            f"{row['accuracy_percent']:.2f} ± {row['standard_error']:.2f}",
            f"{row['difference_points']:+.2f} ± {row['difference_standard_error']:.2f}" if number else "",
            f"{sum(row['scenes_kept']) / len(row['scenes_kept']):.1f}",
            "not significant (< 2 SE)" if number and row["below_two_standard_errors"] else "",
        ]
        for number, row in enumerate(figures["rows"])
    ]
    print_table(
        ["method", "accuracy, %", f"points from {figures['rows'][0]['method']}", "different originals", ""],
        body,
    )


def _span(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def print_sample(figures: dict[str, Any]) -> None:
    """Print the summary of a sampled data set: groups, kept images by class, groups that were verified."""
    source, groups, settings = figures["input"], figures["groups"], figures["settings"]
    size = f"{groups['smallest']} to {groups['largest']} images"
    rows: list[Sequence[object]] = [
        ("input", f"{source['name']}, {source['count']:,} images, {' x '.join(map(str, source['shape']))}"),
        ("groups", f"{groups['count']:,} by {settings['group']}, {size}"),
        ("seed", str(figures["seed"])),
        ("kept", f"{figures['kept']:,}"),
    ]
    if "near_duplicates" in figures:
        near = figures["near_duplicates"]
        rows.append(("near-duplicates", f"{near['removed']:,} removed, {near['distinct']:,} distinct images"))
        if near["kept_to_fill_up"]:
            rows.append(("of these kept", f"{near['kept_to_fill_up']:,}: too few images are distinct"))
    for name, text in (("lower_perplexity", "a lower perplexity"), ("without_map", "no map: too small")):
        if groups[name]:
            rows.append(("groups with", f"{text}: {groups[name]:,}"))
    if figures["rows_without_solution"]:
        rows.append(("rows without a solution", f"{figures['rows_without_solution']:,}"))
    if figures["software_only"]:
        rows.append(("software only", ", ".join(figures["software_only"])))
    print_table(["", ""], rows, header=False)
    if figures["classes"]:
        classes = figures["classes"].items()
        print_table(["class", "images", "kept"], [[name, of["images"], of["kept"]] for name, of in classes])
    if "verified" in figures:
        verified = figures["verified"]["groups"]
        print_table(
            ["group", "images", "kept", "compared", "mismatches", "as float64", "as this run"],
            [list(group.values()) for group in verified],
        )


def print_figures(figures: "list[Figure]", markdown: bool = False) -> None:
    """Print measured values with their bounds, in Markdown if asked."""
    columns = ["", "figure", "measured", "unit", "bound", ""]
    rows = [
        [
            figure.subject,
            figure.name,
            f"{figure.value:.4g}" if isinstance(figure.value, float) else f"{figure.value:,}",
            figure.unit,
            f"{figure.relation} {figure.bound:g}" if figure.bound is not None else "",
            "" if figure.holds else "BROKEN",
        ]
        for figure in figures
    ]
    if not markdown:
        print_table(columns, rows)
        return
    for row in [columns, ["---"] * len(columns), *rows]:
        print("|", " | ".join(row), "|")
