# SPDX-License-Identifier: Apache-2.0
"""The tables on a page: ports, parameters, cycles, behaviour, parts, files and tests."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from nms.block_pages.interface import BUSES, BlockClass, Port, full_name, list_members, read_sections
from nms.block_pages.places import ROOT, find_models, find_testbench, find_tests, relate
from nms.contract.config import SamplerConfig


def make_tables(unit: str, found: list[BlockClass]) -> str:
    """The tables on a unit's page."""
    parts = [
        *(text for each in found for text in _describe(each)),
        "## Where it is",
        _list_files(unit, found),
        "## What its testbench runs",
        _list_tests(unit),
    ]
    return "\n\n".join(parts)


def _make_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _describe(unit: BlockClass) -> list[str]:
    """Ports, parameters, latency and parts of one class of blocks."""
    kind = type(unit.block)
    texts = [f"## {kind.__name__}", "### Ports", _list_ports(list_members(unit.block))]
    given = [
        name for name in inspect.signature(kind).parameters if name == "config" or hasattr(unit.block, name)
    ]
    values = [
        [f"`{block.module}`", *(_show_value(getattr(block, name, unit.config)) for name in given)]
        for block in unit.blocks
    ]
    texts += ["### Parameters", _make_table(["module", *(f"`{name}`" for name in given)], values)]
    latency = [[f"`{name}`", cycles, meaning] for name, cycles, meaning in _list_cycles(unit)]
    if latency:
        texts += ["### Cycles", _make_table(["name", "cycles", "meaning"], latency)]
    said = read_sections(kind)
    rows = [
        [title, _escape(" ".join(" ".join(said[title]).split()))]
        for title in ("Latency", "Throughput", "Reset", "Raises")
        if title in said
    ]
    if rows:
        texts += ["### Behaviour", _make_table(["what", "how"], rows)]
    if unit.parts:
        rows = [
            [part.title, str(len(part.names)), part.kind, ", ".join(_shorten(part.names))]
            for part in unit.parts
        ]
        texts += ["### Inside", _make_table(["what", "how many", "kind", "names"], rows)]
    return texts


def _shorten(names: list[str]) -> list[str]:
    few = [f"`{name}`" for name in names]
    return few if len(few) < 4 else [few[0], "...", few[-1]]


def _list_ports(ports: list[Port]) -> str:
    rows = []
    for prefix, meaning in BUSES.items():
        signals = [port for port in ports if port.name.startswith(prefix)]
        if signals:
            listed = ", ".join(f"{port.name.removeprefix(prefix)} {port.fields}" for port in signals)
            rows.append([f"`{prefix[:-1]}`", "bus", listed, meaning])
    for port in ports:
        if port.name.startswith(tuple(BUSES)):
            continue
        kind = "stream" if port.streams else "signal"
        way = "in" if port.inward else "out"
        rows.append([f"`{port.name}`", f"{kind} {way}", port.fields, _escape(port.meaning)])
    return _make_table(["member", "kind", "bits", "meaning"], rows)


def _escape(text: str) -> str:
    """A docstring's line for a table: references as code, nothing taken for markup."""
    text = re.sub(r":\w+:`~?([\w.]+)`", r"`\1`", text).replace("``", "`")
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([*_])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


def _show_value(value: Any) -> str:
    """A parameter for a table."""
    if isinstance(value, SamplerConfig):
        return f"preset `{value.name}`"
    if isinstance(value, tuple) and len(value) > 3:
        return f"{value[0]}, {value[1]}, ..., {value[-1]} ({len(value)})"
    return str(value)


def _list_cycles(unit: BlockClass) -> Iterator[tuple[str, str, str]]:
    """Latencies, intervals and formulas of cycles: name, value where it is a number, first paragraph."""
    kind = type(unit.block)
    constants = _read_constants(kind)
    for name in vars(kind) | {"latency": None}:
        member = inspect.getattr_static(kind, name, None)
        if name.startswith("_") or not re.search("latency|interval|cycles|preparation", name):
            continue
        text = constants.get(name, "") if isinstance(member, int) else getattr(member, "__doc__", None) or ""
        said = _escape(" ".join(text.split("\n\n")[0].split()))
        if inspect.isfunction(member):
            names = [parameter for parameter in inspect.signature(member).parameters if parameter != "self"]
            yield f"{name}({', '.join(names)})", "a formula", said
        elif isinstance(member, property | int):
            values = dict.fromkeys(str(getattr(block, name)) for block in unit.blocks)
            yield name, ", ".join(values), said


def _read_constants(kind: type) -> dict[str, str]:
    """What is said of a class's constants, each in the string that follows it."""
    (made,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(made, ast.ClassDef)
    found = {}
    for constant, text in pairwise(made.body):
        if isinstance(constant, ast.Assign) and isinstance(text, ast.Expr):
            for target in constant.targets:
                found[ast.unparse(target)] = str(ast.literal_eval(text.value))
    return found


def _list_files(unit: str, found: list[BlockClass]) -> str:
    """Where the block, its model, its testbench and its tests are."""
    rows, hardware = [], []
    for each in found:
        kind = type(each.block)
        path = Path(inspect.getsourcefile(kind) or "").resolve().relative_to(ROOT)
        hardware.append(path)
        rows.append(["hardware", f"[{path}](../../{path}), `{full_name(kind)}`"])
    bench = find_testbench(unit)
    models = sorted({path for file in bench for path in find_models(file)})
    tests = find_tests(unit, [*hardware, *models])
    for what, paths in (("model", models), ("testbench", map(relate, bench)), ("test", map(relate, tests))):
        rows += [[what, f"[{path}](../../{path})"] for path in paths]
    rows = [row for at, row in enumerate(rows) if row not in rows[:at]]
    config = found[0].config.name
    check, synth = f"nms check -c {config} {unit}", f"nms synth -c {config} --unit {unit}"
    return f"{_make_table(['what', 'file'], rows)}\n\nRun it: `{check}`. Map it to gates: `{synth}`."


def _list_tests(unit: str) -> str:
    """The tests of a unit's testbench, with what their docstrings say."""
    rows = []
    for file in find_testbench(unit):
        for node in ast.parse(file.read_text()).body:
            if not isinstance(node, ast.AsyncFunctionDef):
                continue
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if any(text.startswith("cocotb.test") for text in decorators):
                over = [text.partition("(")[2][:-1] for text in decorators if "parametrize" in text]
                first = (ast.get_docstring(node) or "").split("\n\n")[0]
                names = ", ".join(re.findall(r"(\w+)=", " ".join(over)))
                rows.append([f"`{node.name}`", names, _escape(" ".join(first.split()))])
    return _make_table(["test", "for each", "what it says"], rows)
