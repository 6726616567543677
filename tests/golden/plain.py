# SPDX-License-Identifier: Apache-2.0
"""The contract's words of reduction and picks in Python integers, one value at a time."""

from nms.contract.settings import LeanSettings, Pick, Settings

Matrix = list[list[int]]


def plain_reduce(image: list[int], s: Settings | LeanSettings) -> list[int]:
    """The contract, byte by byte, in Python's integers."""
    h, w, c = s.height, s.width, s.channels
    rows, columns = min(s.side, h), min(s.side, w)

    def byte(channel: int, y: int, x: int) -> int:
        return image[(channel * h + y) * w + x if s.planes else (y * w + x) * c + channel]

    def box(row: int, column: int, channels: range) -> int:
        values = [
            byte(channel, y, x)
            for y in range(row * h // rows, (row + 1) * h // rows)
            for x in range(column * w // columns, (column + 1) * w // columns)
            for channel in channels
        ]
        return (sum(values) + len(values) // 2) // len(values)

    grid = [(row, column) for row in range(rows) for column in range(columns)]
    if s.grey:
        return [box(*at, range(c)) for at in grid]
    if s.planes:
        return [box(*at, range(k, k + 1)) for k in range(c) for at in grid]
    return [box(*at, range(k, k + 1)) for at in grid for k in range(c)]


def plain_keys(
    pick: int, cell: list[int], offset: list[int], distance: Matrix, affinity: Matrix
) -> list[int]:
    everyone = range(len(cell))
    if pick == Pick.CENTRE:
        return offset
    if pick == Pick.MEDOID:
        return [sum(distance[i][j] for j in everyone if cell[j] == cell[i]) for i in everyone]
    if pick == Pick.HUB:
        return [-sum(affinity[i]) for i in everyone]
    others = [sorted(distance[i][j] for j in everyone if j != i) for i in everyone]
    return [row[4] if len(row) >= 5 else row[-1] for row in others]


def plain_kept(key: list[int], cell: list[int], keep: int) -> list[int]:
    """The rounds of the contract, section 12, with the ranks of section 18."""
    everyone = range(len(cell))
    rank = [sum(cell[j] == cell[i] and (key[j], j) < (key[i], i) for j in everyone) for i in everyone]
    kept: list[int] = []
    for turn in everyone:
        now = sorted((-cell.count(cell[i]), cell[i], i) for i in everyone if rank[i] == turn)
        kept += [i for _, _, i in now][: keep - len(kept)]
    return sorted(kept)
