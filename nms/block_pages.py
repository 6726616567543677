# SPDX-License-Identifier: Apache-2.0
"""The pages of the blocks, ``docs/blocks``: a drawing and the tables of each unit, from the code.

``python -m nms.block_pages`` draws each unit of :data:`nms.rtl.units.UNITS` as ``img/<unit>.svg`` and
replaces what stands between the markers of ``<unit>.md``: the drawing, and the tables. The prose around them
is left alone. With ``--check`` it fails unless all files are what would be written. Widths are those of one
preset.
"""

import ast
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from amaranth.hdl import Fragment, Instance, Shape
from amaranth.lib import data, memory, stream, wiring

from nms.contract.config import SamplerConfig, load
from nms.rtl.export.emit import Design
from nms.rtl.lib import flow
from nms.rtl.lib.hierarchy import Block
from nms.rtl.units import UNITS, find_blocks

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "blocks"
PRESETS = {"desne": "tiny", "lean": "lean"}
"""The preset that shows a unit, by the first of these methods that has it."""

TIMES = "\u00d7"
BEGIN = "<!-- begin {part}: made by python -m nms.block_pages; do not edit -->"
END = "<!-- end {part} -->"

BUSES = {
    "s_axil_": "AXI4-Lite subordinate",
    "m_axi_": "AXI4 manager",
    "m_axis_": "AXI4-Stream transmitter",
}
"""Prefixes of signals that are one bus."""


@dataclass
class Port:
    """A member of an interface; ``width`` counts a stream's payload, ``count`` alike members in one row."""

    name: str
    inward: bool
    width: int
    streams: bool = False
    fields: str = ""
    meaning: str = ""
    bus: bool = False
    count: int = 1


@dataclass
class Part:
    """What stands inside a block: ``kind`` is block, component or memory."""

    kind: str
    title: str
    names: list[str] = field(default_factory=list)


@dataclass
class BlockClass:
    """A class of blocks of a unit with the blocks of it that the sampler contains."""

    blocks: list[Block]
    parts: list[Part]
    config: SamplerConfig

    @property
    def block(self) -> Block:
        """The one that is drawn."""
        return self.blocks[0]


def find_units() -> dict[str, list[BlockClass]]:
    """The blocks of each unit, by class, as the preset that shows it has them."""
    found: dict[str, list[BlockClass]] = {}
    for unit, about in UNITS.items():
        config = load(next(preset for method, preset in PRESETS.items() if method in about.methods))
        found[unit] = []
        made = list(find_blocks(unit, config))
        for name in about.blocks:
            alike = [
                (block, design) for block, design in made if _full_name(type(block)) == f"nms.rtl.{name}"
            ]
            first, design = alike[0]
            parts = list(_find_parts(design.fragments[first.module], design))
            blocks = sorted((block for block, _ in alike), key=lambda block: block.module)
            found[unit].append(BlockClass(blocks, parts, config))
    return found


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _find_parts(fragment: Fragment, design: Design) -> Iterator[Part]:
    """Blocks, components and memories inside a block, alike ones together, in order."""
    found: dict[tuple[str, str], Part] = {}
    for inner, name, *_ in fragment.subfragments:
        origin = next(iter(getattr(inner, "origins", None) or ()), None)
        if isinstance(inner, Instance):
            kind, title = "block", type(design.blocks[inner.type]).__name__
        elif isinstance(origin, memory.Memory):
            kind, title = "memory", f"{origin.depth} {TIMES} {Shape.cast(origin.shape).width} bits"
        elif isinstance(origin, wiring.Component) and type(origin).__module__.startswith("nms.rtl."):
            if type(origin) in (flow.Register, flow.Skid, flow.Queue):
                continue  # plumbing
            kind, title = "component", type(origin).__name__
        else:
            continue
        found.setdefault((kind, title), Part(kind, title)).names.append(str(name))
    order = ("block", "component", "memory")
    yield from sorted(found.values(), key=lambda part: order.index(part.kind))


def list_members(block: Block) -> list[Port]:
    """The members of a block's interface in order."""
    meanings = _read_meanings(type(block))
    ports = []
    for name, member in block.signature.members.items():
        meaning = meanings.get(name, "")
        inward = member.flow is wiring.In
        if member.is_port:
            shape = Shape.cast(member.shape)
            ports.append(
                Port(name, inward, shape.width, fields=_describe_shape(member.shape), meaning=meaning)
            )
        elif isinstance(member.signature, stream.Signature):
            payload = member.signature.members["payload"].shape
            width = Shape.cast(payload).width
            ports.append(Port(name, inward, width, True, _describe_shape(payload), meaning))
        else:
            raise TypeError(f"{block.module}.{name}: neither a port nor a stream")
    return ports


def _describe_shape(shape: Any) -> str:
    """A payload's fields with their widths, or its width with its kind."""
    if isinstance(shape, data.StructLayout):
        return ", ".join(
            f"{name} {_describe_shape(inner)}"
            if not isinstance(inner, data.StructLayout)
            else f"{name} ({_describe_shape(inner)})"
            for name, inner in shape.members.items()
        )
    if isinstance(shape, data.ArrayLayout):
        return f"{shape.length} {TIMES} {_describe_shape(shape.elem_shape)}"
    cast = Shape.cast(shape)
    return f"s{cast.width}" if cast.signed else f"{cast.width}"


def _read_sections(kind: type) -> dict[str, list[str]]:
    """The sections of a class's docstring by title, as lines."""
    lines = (inspect.getdoc(kind) or "").split("\n")
    starts = [at for at in range(1, len(lines)) if re.fullmatch(r"-{3,}", lines[at])]
    bounds = [*(at - 1 for at in starts[1:]), len(lines)]
    return {lines[at - 1]: lines[at + 1 : end] for at, end in zip(starts, bounds, strict=False)}


def _read_meanings(kind: type) -> dict[str, str]:
    """What the docstring says of each member."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in _read_sections(kind).get("Members", []):
        item = re.fullmatch(r"([\w.]+(?:, [\w.]+)*) :(.*)", line)
        if item:
            names = item[1].split(", ")
            found |= dict.fromkeys(names, item[2].strip())
        elif line.startswith(" "):
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
        else:
            names = []
    return found


# The drawing

ROW, HEAD, INNER = 24, 46, 46
"""Heights of a port, of the title, of a part."""

WING, LABEL, PART = 92, 128, 150
"""Widths of what is outside on a side, of the names of ports, of a part."""

STYLE = """
  svg { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }
  .paper { fill: #ffffff } .frame { fill: #f2f4fb; stroke: #3f51b5; stroke-width: 1.5 }
  text { fill: #1f2430 } .quiet { fill: #5b6270 } .title { font-weight: 600; font-size: 14px }
  .block { fill: #dde2f7; stroke: #3f51b5 } .component { fill: #ffffff; stroke: #7d89c9 }
  .memory { fill: #fdf0d9; stroke: #b7791f } .wire { stroke: #5b6270; fill: none }
  .stream { stroke: #3f51b5; stroke-width: 3.5; fill: none }
  .tip { fill: #5b6270 } .streamtip { fill: #3f51b5 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #1e2129 } .frame { fill: #262b3a; stroke: #93a0ea }
    text { fill: #eceef4 } .quiet { fill: #aab1c0 }
    .block { fill: #343d66; stroke: #93a0ea } .component { fill: #1e2129; stroke: #7d89c9 }
    .memory { fill: #463714; stroke: #d9a441 } .wire { stroke: #aab1c0 }
    .stream { stroke: #93a0ea } .tip { fill: #aab1c0 } .streamtip { fill: #93a0ea }
  }
"""


def draw(found: list[BlockClass]) -> str:
    """The symbols of a unit, one below the other, as SVG."""
    symbols, top, widest = [], 8, 0
    for unit in found:
        symbol, width, height = _draw_symbol(unit, top)
        symbols.append(symbol)
        widest, top = max(widest, width), top + height + 16
    size = f'width="{widest}" height="{top}" viewBox="0 0 {widest} {top}"'
    name = escape(" and ".join(type(unit.block).__name__ for unit in found))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Symbol of {name}">\n'
        f"<!-- SPDX-License-Identifier: Apache-2.0 -->\n<style>{STYLE}</style>\n"
        f'<rect class="paper" width="{widest}" height="{top}" rx="6"/>\n' + "\n".join(symbols) + "\n</svg>\n"
    )


def group(ports: list[Port]) -> list[Port]:
    """The ports in a drawing: a bus is one, and many alike members with a common start are one."""
    rows: list[Port] = []
    starts = Counter((port.name.split("_")[0], port.inward, port.width) for port in ports if not port.streams)
    for port in ports:
        bus = next((prefix for prefix in BUSES if port.name.startswith(prefix)), None)
        start, key = port.name.split("_")[0], (port.name.split("_")[0], port.inward, port.width)
        if bus:
            if not any(row.name == bus[:-1] for row in rows):
                width = sum(other.width for other in ports if other.name.startswith(bus))
                both = not bus.endswith("axis_")
                rows.append(Port(bus[:-1], bus.startswith("s"), width, not both, bus=both))
        elif not port.streams and starts[key] >= 4:
            if not any(row.name == f"{start}_…" and (row.inward, row.width) == key[1:] for row in rows):
                rows.append(Port(f"{start}_…", port.inward, port.width, count=starts[key]))
        else:
            rows.append(port)
    return rows


def _draw_symbol(unit: BlockClass, top: int) -> tuple[str, int, int]:
    """One symbol below ``top``, its width and its height."""
    rows = group(list_members(unit.block))
    left, right = [row for row in rows if row.inward], [row for row in rows if not row.inward]
    columns = 2 if len(unit.parts) > 5 else 1
    inner = columns * (PART + 12) if unit.parts else 40
    deep = -(-len(unit.parts) // columns)
    height = HEAD + max(ROW * max(len(left), len(right)), INNER * deep) + 10
    box = 2 * LABEL + inner
    edge, far, middle = WING, WING + box, WING + box / 2
    kind, module = type(unit.block).__name__, unit.block.module
    out = [
        f'<rect class="frame" x="{edge}" y="{top}" width="{box}" height="{height}" rx="6"/>',
        f'<text class="title" x="{middle:g}" y="{top + 20}" text-anchor="middle">{kind}</text>',
        f'<text class="quiet" x="{middle:g}" y="{top + 36}" text-anchor="middle">module {module}</text>',
    ]
    for side, ports in (("left", left), ("right", right)):
        for number, port in enumerate(ports):
            out += _draw_port(
                port, side, edge if side == "left" else far, top + HEAD + ROW * number + ROW // 2
            )
    for number, part in enumerate(unit.parts):
        x = edge + LABEL + 6 + (number % columns) * (PART + 12)
        out += _draw_part(part, x, top + HEAD + INNER * (number // columns))
    return "\n".join(out), far + WING, height


def _draw_port(port: Port, side: str, edge: int, y: int) -> list[str]:
    """The arrow, width and name of a port at the box's ``edge``."""
    outer = 14 if side == "left" else edge + WING - 14
    near = edge - 2 if side == "left" else edge + 2
    start, end = (outer, near) if side == "left" else (near, outer)
    thick = port.streams or port.bus
    style, tip = ("stream", "streamtip") if thick else ("wire", "tip")
    half = 6 if thick else 4
    heads = [f'<path class="{tip}" d="M{end} {y}l-{2 * half} -{half}v{2 * half}z"/>']
    if port.bus:
        heads.append(f'<path class="{tip}" d="M{start} {y}l{2 * half} -{half}v{2 * half}z"/>')
    label = f"{port.count} {TIMES} {port.width}" if port.count > 1 else f"{port.width}"
    anchor, inside = ("start", edge + 8) if side == "left" else ("end", edge - 8)
    middle = (start + end) / 2 - 4
    begin = start + half if port.bus else start
    return [
        f'<path class="{style}" d="M{begin} {y}H{end - half}"/>',
        *heads,
        f'<text class="quiet" x="{middle:g}" y="{y - 5}" text-anchor="middle" font-size="10">{label}</text>',
        f'<text x="{inside}" y="{y + 4}" text-anchor="{anchor}">{escape(port.name)}</text>',
    ]


def _draw_part(part: Part, x: int, y: int) -> list[str]:
    """A box for a part, with its names."""
    count = len(part.names)
    names = (
        part.names[0]
        if count == 1
        else f"{part.names[0]} … {part.names[-1]}"
        if count > 2
        else ", ".join(part.names)
    )
    title = part.title if count == 1 else f"{count} {TIMES} {part.title}"
    if part.kind == "memory":
        title, names = names, title if count > 1 else part.title
    middle, style = x + PART / 2, ' font-size="10"'
    return [
        f'<rect class="{part.kind}" x="{x}" y="{y}" width="{PART}" height="{INNER - 8}" rx="4"/>',
        f'<text x="{middle:g}" y="{y + 16}" text-anchor="middle">{escape(title)}</text>',
        f'<text class="quiet" x="{middle:g}" y="{y + 31}" text-anchor="middle"{style}>{escape(names)}</text>',
    ]


# The tables


def show_drawing(unit: str, preset: str) -> str:
    """The drawing on a unit's page, of a preset."""
    return (
        f"![Symbol of {unit}: its ports and what stands inside](img/{unit}.svg)\n\n"
        f"*Widths in bits, of the preset `{preset}`. Thick arrows are streams, thin ones plain signals; "
        "filled boxes are blocks, light ones components, yellow ones memories.*"
    )


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
    said = _read_sections(kind)
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
        rows.append(["hardware", f"[{path}](../../{path}), `{_full_name(kind)}`"])
    bench = _find_testbench(unit)
    models = sorted({path for file in bench for path in _find_models(file)})
    tests = _find_tests(unit, [*hardware, *models])
    for what, paths in (("model", models), ("testbench", map(_relate, bench)), ("test", map(_relate, tests))):
        rows += [[what, f"[{path}](../../{path})"] for path in paths]
    rows = [row for at, row in enumerate(rows) if row not in rows[:at]]
    config = found[0].config.name
    check, synth = f"nms check -c {config} {unit}", f"nms synth -c {config} --unit {unit}"
    return f"{_make_table(['what', 'file'], rows)}\n\nRun it: `{check}`. Map it to gates: `{synth}`."


def _relate(path: Path) -> Path:
    return path.relative_to(ROOT)


def _find_testbench(unit: str) -> list[Path]:
    """The files of a unit's testbench."""
    files = sorted((ROOT / "sim" / "testbenches" / unit).glob("*.py"))
    return [file for file in files if file.name != "__init__.py"]


def _find_tests(unit: str, files: list[Path]) -> list[Path]:
    """The tests with the name of a unit, and those of its files; ``tests`` mirrors the other folders."""
    named = {path for path in (ROOT / "tests").rglob(f"test_{unit}.py") if path.parent.name != "lean"}
    mirrored = {ROOT / "tests" / path.parent / f"test_{path.name}" for path in files}
    return sorted(named | {path for path in mirrored if path.exists()})


def _find_models(file: Path) -> Iterator[Path]:
    """The golden models that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    for name in names:
        path = ROOT / "golden" / f"{name.removeprefix('nms.golden.').replace('.', '/')}.py"
        if name.startswith("nms.golden.") and path.exists():
            yield _relate(path)


def _list_tests(unit: str) -> str:
    """The tests of a unit's testbench, with what their docstrings say."""
    rows = []
    for file in _find_testbench(unit):
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


def make_files() -> dict[Path, str]:
    """Each file and what belongs into it."""
    wanted: dict[Path, str] = {}
    for unit, found in find_units().items():
        page = FOLDER / f"{unit}.md"
        text = page.read_text()
        text = _replace(page, text, "drawing", show_drawing(unit, found[0].config.name))
        wanted[FOLDER / "img" / f"{unit}.svg"] = draw(found)
        wanted[page] = _replace(page, text, "tables", make_tables(unit, found))
    return wanted


def _replace(page: Path, text: str, part: str, content: str) -> str:
    """The text of a page with new content between the markers of a part."""
    begin, end = BEGIN.format(part=part), END.format(part=part)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{_show_path(page)}: must have the lines {begin!r} and {end!r}")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def _show_path(path: Path) -> str:
    return f"docs/blocks/{path.relative_to(FOLDER)}"


def main() -> None:
    """Write the pages or, with ``--check``, compare them."""
    wanted = make_files()
    stale = [
        _show_path(path) for path, text in wanted.items() if not path.exists() or path.read_text() != text
    ]
    if sys.argv[1:] == ["--check"]:
        if stale:
            sys.exit(f"{', '.join(stale)}: stale; run python -m nms.block_pages")
    else:
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == "__main__":
    main()
