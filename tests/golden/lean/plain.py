# SPDX-License-Identifier: Apache-2.0
"""The contract's words of the lean search, affinities and map in Python integers, one value at a time."""

import math
from typing import Any

from nms.contract.tables import Status


def half_up(v: int, n: int) -> int:
    if n < 0:
        return v << -n
    return (v + (1 << (n - 1))) >> n if n else v


def plain_weights(u: int, gaps: list[int], scale: int) -> list[tuple[int, int]]:
    """z and w of each gap at u."""
    q, mantissa = u >> 8, math.floor(2 ** ((u & 255) / 256) * 256 + 0.5)
    pairs = []
    for gap in gaps:
        z = min(half_up(mantissa * gap, 2 + scale - q), 1023)
        table = math.floor(2 ** (-(z & 63) / 64) * 256 + 0.5)
        pairs.append((z, 0 if z >= 640 else half_up(table, z >> 6)))
    return pairs


def plain_entropy(s: int, t: int) -> int:
    e = s.bit_length() - 1
    k = ((s << 7) >> e) & 127
    return ((e - 8) << 8) + math.floor(math.log2(1 + (k + 0.5) / 128) * 256 + 0.5) + 4 * t // s


def plain_search(distance: list[list[int]], target: int, evaluations: int) -> list[dict[str, Any]]:
    """The values of :class:`nms.golden.lean.search.Rows`, row by row."""
    rows: list[dict[str, Any]] = []
    first = 1024
    for i, row in enumerate(distance):
        others = row[:i] + row[i + 1 :]
        minimum = min(others)
        gaps = [d - minimum for d in others]
        scale, ties = max(gaps).bit_length(), gaps.count(0)
        values: dict[str, Any] = {"minimum": minimum, "scale": scale, "ties": ties}
        rows.append(values)
        level = plain_entropy(ties * 256, 0)
        if level >= target:
            values |= {
                "mantissa": 0, "exponent": 0, "entropy": level, "evaluations": 0,
                "status": Status.INFEASIBLE if level > target else Status.SATURATED,
                "weights": [256 * (gap == 0) for gap in gaps], "sums": 256 * ties,
            }  # fmt: skip
            continue
        low, high = -2049, (scale + 4) * 256
        u = min(max(first, low + 1), high - 1)
        tried: list[tuple[int, int]] = []
        status = Status.UNCONVERGED
        while len(tried) < evaluations:
            assert -2049 <= low <= u <= high <= (scale + 4) * 256
            assert u < (scale + 4) * 256
            pairs = plain_weights(u, gaps, scale)
            h = plain_entropy(sum(w for _, w in pairs), sum(z * w for z, w in pairs))
            tried.append((u, h))
            if abs(h - target) <= 4:
                status = Status.SOLVED
                break
            step = abs(h - target)
            if len(tried) > 1:
                run, fall = u - tried[-2][0], tried[-2][1] - h
                if run * fall > 0:
                    step = step * abs(run) // abs(fall)
            step = min(max(step, 1), 512)
            if h > target:
                low, following = max(low, u), u + step
            else:
                high, following = min(high, u), u - step
            assert low <= high
            u = following if low < following < high else (low + high) >> 1
        first, h = min(tried, key=lambda one: abs(one[1] - target))
        weights = [w for _, w in plain_weights(first, gaps, scale)]
        values |= {
            "mantissa": math.floor(2 ** ((first & 255) / 256) * 256 + 0.5), "exponent": first >> 8,
            "entropy": h, "evaluations": len(tried), "status": status,
            "weights": weights, "sums": sum(weights),
        }  # fmt: skip
    return rows


def plain_affinities(weights: list[list[int]], sums: list[int]) -> list[list[int]]:
    count = len(weights)
    p = [[0] * count for _ in range(count)]
    for i in range(count):
        r = ((1 << 24) + (sums[i] >> 1)) // sums[i]
        values = [half_up(w * r, 8) for w in weights[i]]
        p[i] = [*values[:i], 0, *values[i:]]
    return [[half_up(p[i][j] + p[j][i], 1) for j in range(count)] for i in range(count)]


def plain_normaliser(count: int, half_sum: int) -> tuple[int, int]:
    """zm and ze."""
    if half_sum == 0 or count << 11 >= half_sum << 4:
        return 1023, 6
    ze = 0
    while count << (11 + ze) < 512 * half_sum:
        ze += 1
    return (count << (11 + ze)) // half_sum, ze


def plain_embed(
    affinity: list[list[int]], start: list[list[int]], iterations: int, exaggerated: int
) -> list[list[int]]:
    count = len(start)
    y, v = [list(point) for point in start], [[0, 0] for _ in start]
    half_sum = (count * (count - 1) // 2) << 12
    sigma = [next(s for s in range(20) if sum(row) <= 1 << (16 + s)) for row in affinity]
    for iteration in range(iterations):
        x_shift, momentum, c_shift = (1, 8, 0) if iteration < exaggerated else (0, 14, 1)
        zm, ze = plain_normaliser(count, half_sum)
        half_sum = 0
        force = [[0, 0] for _ in y]
        for i in range(count):
            for j in range(i + 1, count):
                d = [y[i][axis] - y[j][axis] for axis in (0, 1)]
                a = (1 << 12) + sum((abs(one) >> 6) ** 2 for one in d)
                n = a.bit_length() - 13
                k = (a >> (n + 5)) & 127
                t = math.floor(2**15 / (128 + k + 0.5) + 0.5)
                half_sum += (t << 4) >> n
                c = (affinity[i][j] << x_shift) - half_up(t * zm, n + ze - 8)
                g = half_up(c * t, 8 + n)
                e = max(abs(g).bit_length() - 8, 0)
                gm = half_up(abs(g), e)
                for axis in (0, 1):
                    f = half_up((gm * d[axis]) << e, 12)
                    f = -f if g < 0 else f
                    force[i][axis] += f
                    force[j][axis] -= f
        for i in range(count):
            for axis in (0, 1):
                step = half_up(force[i][axis] << c_shift, sigma[i] + 4)
                v[i][axis] = min(max(half_up(momentum * v[i][axis], 4) - step, -(1 << 14)), (1 << 14) - 1)
                y[i][axis] = min(max(y[i][axis] + v[i][axis], -(1 << 17)), (1 << 17) - 1)
    return y
