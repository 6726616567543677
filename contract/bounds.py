# SPDX-License-Identifier: Apache-2.0
"""Error bounds of the arithmetic, derived from the formats: how far each unit may be off, and why.

``max`` is a bound that no error exceeds; ``rms`` is the root mean square of the same errors if roundings are
independent and uniform. Bounds are in the unit of the signal, not in ulps (units in the last place).
"""

import math
from dataclasses import dataclass

from nms.contract.config import Config
from nms.contract.derived import cordic_indices

LN2 = math.log(2.0)
FIRST_ORDER = 1.01
"""Margin over first-order propagation; the neglected squares are below 1e-4 of the first-order terms."""


@dataclass(frozen=True)
class Error:
    """Bound on the magnitude of an error, and its root mean square over the input range."""

    max: float
    rms: float


def angle(index: int) -> float:
    """The angle a_i in octaves."""
    return math.atanh(2.0**-index) / LN2


def residual(last: int) -> float:
    """Bound on the angle that is left after rotating by one in [0, 1), in octaves.

    Each step turns the angle by a_i towards zero: |r| <= E becomes |r'| = ||r| - a_i| <= max(a_i, E - a_i).
    The last E is about a_n, which proves that the sequence of indices converges.
    """
    left = 1.0
    for index in cordic_indices(last):
        left = max(angle(index), left - angle(index))
    return left


def growth(last: int) -> float:
    """Sum over all rotations of how much an error made there grows: prod (1 + 2^-i) over the later ones."""
    total, factor = 0.0, 1.0
    for index in reversed(cordic_indices(last)):
        total += factor
        factor *= 1.0 + 2.0**-index
    return total


class Bounds:
    """Error bounds of ``config``; arguments are real numbers, results absolute errors."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.profile = config.profile
        self.ulp = self.profile.cordic.lsb

    def relative(self, last: int) -> float:
        """Largest relative error of an exponential that is due to its angle.

        The angle turned is off by what is left (:func:`nms.contract.bounds.residual`) and, in each rotation,
        by half an ulp from rounding the table. x_0 is off by half an ulp of about 1.2, which G reduces to
        less than ulp/2 of the result.
        """
        turned = residual(last) + len(cordic_indices(last)) * self.ulp / 2
        return 2.0**turned - 1.0 + self.ulp / 2

    def truncation(self, last: int) -> float:
        """Largest absolute error of x - y, and of s of the decay, from the floors of the shifts.

        The two floors of a rotation move x and y the same way by less than one ulp, hence their difference by
        less than one. The decay has one floor a step. Each later step multiplies the error by at most 1 +
        2^-i (:func:`nms.contract.bounds.growth`).
        """
        return growth(last) * self.ulp

    def exp2(self, last: int) -> Error:
        """x - y against 2^f, for 0 <= f < 1.

        rms: the angle left is uniform in +-a_n, the value's mean square 3/(2 ln 2); the two floors of a
        rotation have variance 1/12 ulp each, which makes 1/6 for the difference; table rounding 1/12.
        """
        rotations = len(cordic_indices(last))
        turned = (angle(last) ** 2 / 3 + rotations * self.ulp**2 / 12) * LN2**2 * 1.5 / LN2
        floors = rotations * self.ulp**2 / 6
        return Error(2 * self.relative(last) + self.truncation(last), math.sqrt(turned + floors))

    def decay(self, last: int) -> Error:
        """s against 2^-f, for 0 <= f < 1.

        rms: as :meth:`nms.contract.bounds.Bounds.exp2`, the value's mean square 3/(8 ln 2); a floor has mean
        1/2 and variance 1/12 ulp, with the random direction of the step 1/3.
        """
        rotations = len(cordic_indices(last))
        turned = (angle(last) ** 2 / 3 + rotations * self.ulp**2 / 12) * LN2**2 * 0.375 / LN2
        floors = rotations * self.ulp**2 / 3
        return Error(self.relative(last) + self.truncation(last), math.sqrt(turned + floors))

    def log2(self, last: int) -> Error:
        """max(2t, 0) against log2 m, 1 <= m < 2.

        With theta the exact angle of the (x, y) at hand, a rotation's floors (dx, dy of one sign, below an
        ulp) move it by |x dy - y dx|/(x^2 - y^2) <= 1/(x - |y|), and x - |y| = sqrt(m) G_k e^-|theta|. That
        disturbs the angle left (as in :func:`nms.contract.bounds.residual`, from log2(m)/2 <= 1/2) and,
        summed up, the result; m = 1 is the worst. Halving m +- 1 moves theta by at most ulp/2, the table the
        result by ulp/2 a rotation. All is doubled. rms: theta uniform in +-a_n, each floor uniform on [0, 1)
        ulp over sqrt(m) G with random direction.
        """
        rotations = len(cordic_indices(last))
        disturbed, so_far, left = 0.0, 1.0, 0.5
        for index in cordic_indices(last):
            so_far *= math.sqrt(1.0 - 4.0**-index)
            left = max(angle(index), left - angle(index))
            floors = self.ulp * math.exp(left * LN2) / (so_far * LN2)
            left += floors
            disturbed += floors
        largest = left + disturbed + self.ulp / 2 / LN2 + rotations * self.ulp / 2
        square = rotations * self.ulp**2 * (1 / (3 * so_far**2 * LN2) + 1 / 12)
        return Error(2 * largest, 2 * math.sqrt(angle(last) ** 2 / 3 + square))

    @staticmethod
    def reciprocal(bits: int, seed: int, steps: int) -> Error:
        """Newton's y against 1/m, 1 <= m < 2.

        Seed: half a cell over the centre c plus half an ulp of the table times m, largest at c = 1:
        eps_0 = |1 - m y_0| <= 2^-(s+1) + 2^-(s+4) + 2^-(2s+5). A step squares it; its two roundings, each
        half an ulp (u = 2^-B), enter as eps' <= eps^2 + (3 + eps) u/2, and at the last step as
        |y - 1/m| <= eps^2 + (2 + eps) u/2. rms: u^2/12 for the last rounding, u^2/12/m^2 for that of m y
        (mean of 1/m^2: 1/2), and eps_0 uniform, so that its 2^steps-th power has mean square
        eps_0^(2^(steps+1))/(2^(steps+1) + 1).
        """
        u = 2.0**-bits
        first = 2.0 ** -(seed + 1) + 2.0 ** -(seed + 4) + 2.0 ** -(2 * seed + 5)
        eps = first
        for _ in range(steps - 1):
            eps = eps**2 + (3 + eps) * u / 2
        power = 2 ** (steps + 1)
        return Error(eps**2 + (2 + eps) * u / 2, math.sqrt(u**2 / 8 + first**power / (power + 1)))

    @property
    def search_reciprocal(self) -> Error:
        """y of the fitness unit."""
        p = self.profile
        return self.reciprocal(p.reciprocal.fraction, p.reciprocal_seed, p.reciprocal_steps)

    @property
    def kernel_reciprocal(self) -> Error:
        """y of the embedding."""
        p = self.profile
        return self.reciprocal(p.kernel_reciprocal.fraction, p.kernel_seed, p.kernel_steps)

    @property
    def exponent(self) -> float:
        """z against beta2 * d: half an ulp, unless it saturates."""
        return self.profile.exponent.lsb / 2

    def weight(self, z: float) -> float:
        """w against 2^-z for the exact z = beta2 * d.

        The rotation's error shifted right by the whole part of z, the rounding of w, and that of z
        times the slope ln 2 * 2^-z. From the cutoff on 2^-z itself, which is below half an ulp of w.
        """
        p = self.profile
        whole = 2.0 ** -math.floor(max(z - self.exponent, 0.0))
        rotation = self.decay(p.weight_last).max
        slope = (2.0**self.exponent - 1) * 2.0**-z
        return max(whole * rotation + p.weight.lsb / 2 + slope, 2.0**-p.cutoff)

    def entropy_of_weights(self, count: int, perplexity: float) -> float:
        """H2 of the unit's own S and T against that of the exact ones, first order.

        With p_j = w_j/S and zbar = T/S <= log2 Perp: dH2/dz_j = ln 2 p_j (zbar - z_j) and
        dH2/dw_j = (1/ln 2 + z_j - zbar)/S, where sum p_j |z_j - zbar| <= 2 zbar. So

        * z: ln 2 * 2 zbar * ulp(z)/2;
        * rotation: relative error + twice its truncation (2^-floor(z) <= 2 * 2^-z), times 1/ln 2 + 2 zbar;
        * rounding of w, and w cut off: (N-1) ulp(w)/2 (1/ln 2 + cutoff), since S >= 1;
        * rounding of each w z: (N-1) ulp(w)/2.
        """
        p = self.profile
        mean = math.log2(perplexity)
        z = LN2 * 2 * mean * self.exponent
        relative = self.relative(p.weight_last) + 2 * self.truncation(p.weight_last)
        rotation = relative * (1 / LN2 + 2 * mean)
        roundings = (count - 1) * p.weight.lsb / 2 * (1 / LN2 + p.cutoff + 1)
        return FIRST_ORDER * (z + rotation + roundings)

    def entropy_of_sums(self, perplexity: float) -> float:
        """H2 of the fitness unit against ``log2 S + T/S`` of its inputs.

        log2 and the floor of its mantissa (ulp/ln 2), half an ulp(H2) twice, and T/S = (T/2^e) y with
        T/2^e <= 2 log2 Perp: the reciprocal's error and that floor.
        """
        p = self.profile
        log = self.log2(p.post_last).max + self.ulp / LN2 + p.entropy.lsb
        quotient = 2 * math.log2(perplexity) * (self.search_reciprocal.max + self.ulp)
        return FIRST_ORDER * (log + quotient)

    def power(self, entropy: float, perplexity: float) -> float:
        """Perp against the exact 2^H2 when H2 is off by ``entropy``.

        ``Perp (2^dH - 1)``, the exponential's relative error and its truncation shifted left by
        floor(H2) (2^floor(H2) <= Perp), and half an ulp.
        """
        p = self.profile
        relative = self.relative(p.post_last) + self.truncation(p.post_last)
        return perplexity * (2.0**entropy - 1.0 + FIRST_ORDER * relative) + p.perplexity.lsb / 2

    def fitness(self, perplexity: float) -> float:
        """Perp of the fitness unit against the exact one of its inputs S and T."""
        return self.power(self.entropy_of_sums(perplexity), perplexity)

    def perplexity(self, count: int, perplexity: float) -> float:
        """Perp against the exact perplexity at the same beta, of ``count`` images, worst case.

        Real rows stay far below it: the errors of N-1 weights do not conspire.
        """
        return self.power(
            self.entropy_of_weights(count, perplexity) + self.entropy_of_sums(perplexity), perplexity
        )

    @property
    def affinity(self) -> float:
        """p_j|i against w_j/S of the unit's own w and S, and P' against the mean of two of these.

        w <= 1 times the reciprocal's error and the floor of the mantissa, and half an ulp; P' rounds once
        more.
        """
        return self.search_reciprocal.max + self.ulp + self.profile.affinity.lsb

    @property
    def kernel(self) -> float:
        """w of the embedding against 1/(1 + d^2): d^2 (slope at most 1), reciprocal, floor, rounding."""
        p = self.profile
        reciprocal = self.kernel_reciprocal.max + p.kernel_reciprocal.lsb
        return p.position.lsb / 2 + reciprocal + p.kernel.lsb / 2

    def step(self, count: int, row_sum: float, reach: float, z: float, exaggerated: bool) -> float:
        """Coordinate of Y after one iteration against the exact one from the same Y, V = 0 and P'.

        ``row_sum`` is the largest R_i, ``reach`` the largest |dx|, ``z`` is Z; eps =
        :attr:`nms.contract.bounds.Bounds.kernel`; sigma >= 0 and saturation reduce errors.

        * attraction: (R eps + N ulp(P')/2) reach + ulp/2;
        * repulsion: w^2 is off by 2 w eps + eps^2 + ulp(w)/2, and w |dx| <= 1/2;
        * N/Z: Z is off by N (N-1) eps; its reciprocal y >= 1/2 by the unit's error and the floor of its
          mantissa; N/Z |repulsion| <= N/4;
        * the two roundings of the velocity, half an ulp each.
        """
        p = self.profile
        ulp = p.position.lsb
        eps = self.kernel
        attraction = (row_sum * eps + count * p.affinity.lsb / 2) * reach + ulp / 2
        repulsion = count * (eps + (eps**2 + p.kernel.lsb / 2) * reach) + ulp / 2
        relative = count * (count - 1) * eps / z
        relative += 2 * (self.kernel_reciprocal.max + p.kernel_reciprocal.lsb)
        normalised = count / z * repulsion + count / 4 * relative + ulp / 2
        gradient = 2 * attraction + normalised if exaggerated else 2 * (attraction + normalised)
        return FIRST_ORDER * gradient + ulp

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(group, name, value, unit) of the bounds, for ``nms show``."""
        p = self.profile
        images = self.config.images
        perplexity = min(15.0, images / 2)
        errors = [
            ("2^-f of the weight", self.decay(p.weight_last)),
            ("2^f after H2", self.exp2(p.post_last)),
            ("log2 m", self.log2(p.post_last)),
            ("1/m of the search", self.search_reciprocal),
            ("1/m of the embedding", self.kernel_reciprocal),
        ]
        largest = [
            ("z", self.exponent),
            ("w of the search, z = 0+", self.weight(0.0)),
            (f"Perp from S and T, Perp = {perplexity:g}", self.fitness(perplexity)),
            (f"Perp, N = {images}, Perp = {perplexity:g}", self.perplexity(images, perplexity)),
            ("stop", p.stop * p.perplexity.lsb),
            ("P' from w and S", self.affinity),
            ("w of the embedding", self.kernel),
        ]
        return [
            *(("error", f"{name}, {kind}", f"{value:.2e}", "")
              for name, error in errors for kind, value in (("max", error.max), ("rms", error.rms))),
            *(("error", f"{name}, max", f"{value:.2e}", "") for name, value in largest),
            ("error", "distance", "0", f"exact, {self.config.derived.distance_width} bits"),
        ]  # fmt: skip
