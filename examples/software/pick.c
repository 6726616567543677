/* SPDX-License-Identifier: Apache-2.0 */
/* A grid over the map, and what is kept of its cells. */
#include "stages.h"

#define FIFTH 5 /* the neighbour that counts */

/* A coordinate's axis of the grid. */
struct axis {
    int32_t smallest;
    uint32_t shift;
    uint64_t reciprocal;
};

/* Finds the axes of a grid of `side` by `side` cells. */
static void divide(uint32_t count, uint32_t side, const struct nms_point *points, struct axis *x, struct axis *y)
{
    int32_t left = points[0].x, right = left, bottom = points[0].y, top = bottom;

    for (uint32_t i = 1; i < count; i++) {
        left = points[i].x < left ? points[i].x : left;
        right = points[i].x > right ? points[i].x : right;
        bottom = points[i].y < bottom ? points[i].y : bottom;
        top = points[i].y > top ? points[i].y : top;
    }
    uint32_t span = (right - left > top - bottom ? right - left : top - bottom) + 1;
    uint32_t shift = bit_length(span) + 16;
    uint64_t reciprocal = ((uint64_t)1 << shift) / span * side;
    *x = (struct axis){left, shift, reciprocal};
    *y = (struct axis){bottom, shift, reciprocal};
}

/* The cell along an axis; the offset from its centre goes to `offset`. */
static uint32_t locate(const struct axis *axis, int32_t coordinate, int32_t *offset)
{
    uint64_t scaled = (uint32_t)(coordinate - axis->smallest) * axis->reciprocal;

    *offset = (int32_t)((scaled >> (axis->shift - 12)) & 4095) - 2048;
    return scaled >> axis->shift;
}

/* The sum of the distances to all images of the same cell. */
static uint32_t add_distances(uint32_t count, const uint32_t *distances, const struct place *places, uint32_t self)
{
    uint32_t sum = 0;

    for (uint32_t j = 0; j < count; j++)
        if (places[j].cell == places[self].cell)
            sum += distances[j];
    return sum;
}

/* The fifth smallest distance to another image, or the largest if there are fewer. */
static uint32_t find_neighbour(uint32_t count, const uint32_t *distances, uint32_t self)
{
    uint32_t nearest[FIFTH], held = 0;

    for (uint32_t j = 0; j < count; j++) {
        uint32_t place = held;
        if (j == self || (held == FIFTH && distances[j] >= nearest[FIFTH - 1]))
            continue;
        if (held < FIFTH)
            held++;
        else
            place--;
        for (; place > 0 && nearest[place - 1] > distances[j]; place--)
            nearest[place] = nearest[place - 1];
        nearest[place] = distances[j];
    }
    return nearest[held - 1];
}

/* What orders the images of a cell: the smallest first. */
static void find_keys(const struct nms_job *job, const uint32_t *distances, const uint32_t *sums,
                      struct place *places)
{
    uint32_t count = job->count;

    for (uint32_t i = 0; i < count; i++)
        if (job->pick == NMS_PICK_MEDOID)
            places[i].key = add_distances(count, distances + i * count, places, i);
        else if (job->pick == NMS_PICK_HUB)
            places[i].key = UINT32_MAX - sums[i];
        else if (job->pick == NMS_PICK_NEIGHBOUR)
            places[i].key = find_neighbour(count, distances + i * count, i);
}

/* Ranks the images of each cell, and counts them. */
static void rank(uint32_t count, struct place *places)
{
    for (uint32_t i = 0; i < count; i++) {
        places[i].rank = places[i].members = 0;
        for (uint32_t j = 0; j < count; j++)
            if (places[j].cell == places[i].cell) {
                places[i].members++;
                places[i].rank += places[j].key < places[i].key || (places[j].key == places[i].key && j < i);
            }
    }
}

/* Whether an image is kept before another of another cell or rank. */
static int precedes(const struct place *a, const struct place *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->members != b->members ? a->members > b->members : a->cell < b->cell;
}

void pick(const struct nms_job *job, const struct nms_point *points, const uint32_t *distances,
          const uint32_t *sums, struct place *places, uint32_t *kept)
{
    uint32_t count = job->count, side = 1;
    struct axis x, y;

    while (side * side < 2 * job->keep)
        side++;
    divide(count, side, points, &x, &y);
    for (uint32_t i = 0; i < count; i++) {
        int32_t offset_x, offset_y;
        uint32_t column = locate(&x, points[i].x, &offset_x);
        places[i].cell = locate(&y, points[i].y, &offset_y) * side + column;
        places[i].key = offset_x * offset_x + offset_y * offset_y;
    }
    find_keys(job, distances, sums, places);
    rank(count, places);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = 0;
        for (uint32_t j = 0; j < count; j++)
            before += precedes(&places[j], &places[i]);
        if (before < job->keep)
            *kept++ = i;
    }
}
