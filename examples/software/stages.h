/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of sampling a group of `count` images. Tables of pairs have a row of `count` words an image. */
#ifndef STAGES_H
#define STAGES_H

#include <stdint.h>

#include "job.h"

/* Bits of v without leading zeros; v is not 0. */
static inline uint32_t bit_length(uint32_t v)
{
    return 32 - __builtin_clz(v);
}

static inline int32_t half_up(int32_t v, int32_t shift)
{
    return shift > 0 ? (v + (1 << (shift - 1))) >> shift : v * (1 << -shift);
}

static inline int32_t limit(int32_t v, int32_t lowest, int32_t highest)
{
    return v < lowest ? lowest : v > highest ? highest : v;
}

/* Reduces the images that `numbers` names; returns the bytes of a reduced one. */
uint32_t reduce(const struct nms_job *job, const uint32_t *numbers, uint8_t *reduced);

/* The squared distances between images of `bytes` bytes. */
void measure(uint32_t count, uint32_t bytes, const uint8_t *images, uint32_t *distances);

/* The images that herding keeps, by distances alone; `sums` has two entries an image. */
void herd(uint32_t count, uint32_t keep, const uint32_t *distances, int64_t *sums, uint32_t *kept);

/* Searches the rows, and leaves what is known of each and the affinities of all pairs; `weights` has an entry an
 * image. */
void search(uint32_t count, uint32_t target, uint32_t evaluations, const uint32_t *distances, uint32_t *weights,
            struct nms_row *rows, uint32_t *affinities);

/* The sum of each row of affinities. */
void add_rows(uint32_t count, const uint32_t *affinities, uint32_t *sums);

/* What moves a point of the map. */
struct motion {
    int32_t x, y, force_x, force_y;
};

/* Makes the map; `sums` are those of the affinities. */
void embed(const struct nms_job *job, const uint32_t *affinities, const uint32_t *sums, struct motion *motions,
           struct nms_point *points);

/* A point in the grid over the map. */
struct place {
    uint32_t cell, rank, members;
    uint32_t key;
};

/* The images that are kept of the cells of a grid over the map. */
void pick(const struct nms_job *job, const struct nms_point *points, const uint32_t *distances,
          const uint32_t *sums, struct place *places, uint32_t *kept);

#endif
