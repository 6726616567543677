# SPDX-License-Identifier: Apache-2.0
"""The symbols of a unit as SVG."""

from collections import Counter
from html import escape

from nms.block_pages.interface import BUSES, TIMES, BlockClass, Part, Port, list_members

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
