/* SPDX-License-Identifier: Apache-2.0 */
/* The lean search of each row for the width of its neighbourhood, and the affinities. */
#include "stages.h"
#include "tables.h"

#define FIRST 1024      /* where the first row begins */
#define LOWEST (-2049)  /* below all that can be found */
#define CUTOFF 640      /* of exponents: no weight from here on */
#define ONE 256         /* a weight of one */
#define NEAR 4          /* a difference of entropies that is small enough */
#define MOST_STEP 512

enum { SOLVED, INFEASIBLE, SATURATED, UNCONVERGED };

/* The distances of an image to the others. */
struct others {
    const uint32_t *distances;
    uint32_t count, self, smallest, scale;
};

static int32_t find_entropy(uint32_t sum, uint32_t moment)
{
    int32_t exponent = bit_length(sum) - 1;

    return (exponent - 8) * 256 + LOG[(sum >> (exponent - 7)) & 127] + 4 * moment / sum;
}

/* The weights for one width u; their sum goes to `sum`, and the entropy is returned. */
static int32_t evaluate(const struct others *others, int32_t u, uint32_t *weights, uint32_t *sum)
{
    uint32_t mantissa = MANTISSA[u & 255], moment = 0;
    int32_t shift = 2 + (int32_t)others->scale - (u >> 8);
    uint64_t half = shift > 0 ? (uint64_t)1 << (shift - 1) : 0;

    *sum = 0;
    for (uint32_t j = 0; j < others->count; j++) {
        weights[j] = 0;
        if (j == others->self)
            continue;
        uint64_t product = (uint64_t)mantissa * (others->distances[j] - others->smallest) + half;
        uint64_t exponent = shift > 0 ? product >> shift : product << -shift;
        if (exponent >= CUTOFF)
            continue;
        weights[j] = half_up(WEIGHT[exponent & 63], exponent >> 6);
        *sum += weights[j];
        moment += weights[j] * (uint32_t)exponent;
    }
    return find_entropy(*sum, moment);
}

/* The next step's length, from the last two evaluations. */
static int32_t find_step(int32_t distance, int32_t du, int32_t dh)
{
    int32_t step = distance;

    if (du * dh > 0)
        step = distance * (du < 0 ? -du : du) / (dh < 0 ? -dh : dh);
    return limit(step, 1, MOST_STEP);
}

/* Searches a row from `start` on; returns the u that is reported, for which `weights` and `sum` are. */
static int32_t search_row(const struct others *others, int32_t start, int32_t target, uint32_t most,
                          uint32_t *weights, uint32_t *sum, struct nms_row *row)
{
    int32_t low = LOWEST, high = (others->scale + 4) * 256, best = 0, nearest = INT32_MAX;
    int32_t u = limit(start, low + 1, high - 1), before = u, entropy_before = 0;

    for (uint32_t made = 1;; made++) {
        int32_t entropy = evaluate(others, u, weights, sum);
        int32_t distance = entropy > target ? entropy - target : target - entropy;
        if (distance < nearest) {
            nearest = distance;
            best = u;
        }
        row->generations = made;
        row->status = distance <= NEAR ? SOLVED : UNCONVERGED;
        if (distance <= NEAR || made == most)
            break;
        int32_t step = find_step(distance, u - before, entropy_before - entropy), next;
        if (entropy > target) {
            low = u > low ? u : low;
            next = u + step;
        } else {
            high = u < high ? u : high;
            next = u - step;
        }
        before = u;
        entropy_before = entropy;
        u = low < next && next < high ? next : (low + high) >> 1;
    }
    if (u != best)
        evaluate(others, best, weights, sum);
    row->mantissa = MANTISSA[best & 255];
    row->exponent = best >> 8;
    return best;
}

/* The smallest distance to another image, the scale, and how many are at the smallest. */
static uint32_t survey(struct others *others)
{
    uint32_t largest = 0, ties = 0;

    others->smallest = UINT32_MAX;
    for (uint32_t j = 0; j < others->count; j++) {
        uint32_t distance = others->distances[j];
        if (j == others->self)
            continue;
        if (distance < others->smallest) {
            others->smallest = distance;
            ties = 0;
        }
        ties += distance == others->smallest;
        largest = distance > largest ? distance : largest;
    }
    others->scale = largest > others->smallest ? bit_length(largest - others->smallest) : 0;
    return ties;
}

/* The weights of a row in which so many are at the smallest distance that it is not searched. */
static uint32_t weigh_ties(const struct others *others, uint32_t *weights)
{
    uint32_t sum = 0;

    for (uint32_t j = 0; j < others->count; j++) {
        weights[j] = j != others->self && others->distances[j] == others->smallest ? ONE : 0;
        sum += weights[j];
    }
    return sum;
}

void search(uint32_t count, uint32_t target, uint32_t evaluations, const uint32_t *distances, uint32_t *weights,
            struct nms_row *rows, uint32_t *affinities)
{
    int32_t start = FIRST;

    for (uint32_t i = 0; i < count; i++) {
        struct others others = {.distances = distances + i * count, .count = count, .self = i};
        uint32_t ties = survey(&others), sum, reciprocal;
        int32_t entropy = find_entropy(ties * ONE, 0);
        rows[i] = (struct nms_row){.scale = others.scale};
        if (entropy >= (int32_t)target) {
            rows[i].status = entropy > (int32_t)target ? INFEASIBLE : SATURATED;
            sum = weigh_ties(&others, weights);
        } else
            start = search_row(&others, start, target, evaluations, weights, &sum, &rows[i]);
        reciprocal = ((1 << 24) + sum / 2) / sum;
        for (uint32_t j = 0; j < count; j++)
            affinities[i * count + j] = (weights[j] * reciprocal + 128) >> 8;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            affinities[i * count + j] = affinities[j * count + i] =
                (affinities[i * count + j] + affinities[j * count + i] + 1) >> 1;
}

void add_rows(uint32_t count, const uint32_t *affinities, uint32_t *sums)
{
    for (uint32_t i = 0; i < count; i++) {
        sums[i] = 0;
        for (uint32_t j = 0; j < count; j++)
            sums[i] += affinities[i * count + j];
    }
}
