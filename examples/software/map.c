/* SPDX-License-Identifier: Apache-2.0 */
/* The lean map: points in the plane, moved by the forces of all pairs. */
#include "stages.h"
#include "tables.h"

#define FRACTION 12           /* bits of fraction of a position */
#define FARTHEST (1 << 17)    /* positions are below */
#define FASTEST (1 << 14)     /* velocities are below */
#define EXAGGERATED 12        /* exaggerated iterations at most */

/* N/Z as mantissa and exponent. */
struct normaliser {
    uint32_t mantissa;
    int32_t exponent;
};

static uint64_t draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state;
}

/* Points at random within a quarter of the origin. */
static void scatter(uint32_t count, uint32_t seed, struct nms_point *points)
{
    uint64_t state = 0x9E3779B97F4A7C15u ^ (seed + ((uint64_t)seed << 32));

    for (uint32_t k = 0; k < 64; k++)
        draw(&state);
    for (uint32_t i = 0; i < count; i++) {
        draw(&state); /* of the row, which needs no random numbers here */
        uint64_t drawn = draw(&state);
        points[i].x = (int32_t)(drawn >> (64 - (FRACTION - 1))) - (1 << (FRACTION - 2));
        points[i].y = (int32_t)((uint32_t)drawn >> (32 - (FRACTION - 1))) - (1 << (FRACTION - 2));
    }
}

static struct normaliser normalise(uint32_t count, uint32_t sum)
{
    struct normaliser found = {.mantissa = 1023, .exponent = 6};
    uint64_t scaled = (uint64_t)count << 11;

    if (sum == 0 || scaled >= (uint64_t)sum * 16)
        return found;
    for (found.exponent = 0; scaled < (uint64_t)sum * 512; found.exponent++)
        scaled <<= 1;
    found.mantissa = scaled / sum;
    return found;
}

/* How many more bits than `bits` v has; mostly few, and then faster than counting zeros in software. */
static int32_t count_above(uint32_t v, uint32_t bits)
{
    int32_t more = 0;

    for (v >>= bits; v; v >>= 1)
        more++;
    return more;
}

/* The forces of all pairs; returns the sum of their kernels. */
static uint32_t push(uint32_t count, const uint32_t *affinities, const struct nms_point *points,
                     struct normaliser normaliser, uint32_t exaggeration, struct motion *motions)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < count; i++)
        motions[i].force_x = motions[i].force_y = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nms_point own = points[i];
        const uint32_t *row = affinities + i * count;
        int32_t force_x = motions[i].force_x, force_y = motions[i].force_y;
        for (uint32_t j = i + 1; j < count; j++) {
            int32_t dx = own.x - points[j].x, dy = own.y - points[j].y;
            int32_t ax = (dx < 0 ? -dx : dx) >> 6, ay = (dy < 0 ? -dy : dy) >> 6;
            uint32_t a = (1 << 12) + ax * ax + ay * ay;
            int32_t n = count_above(a, 13);
            int32_t kernel = KERNEL[(a >> (n + 5)) & 127];
            int32_t repulsion = half_up(kernel * normaliser.mantissa, n + normaliser.exponent - 8);
            int32_t net = (int32_t)(row[j] << exaggeration) - repulsion;
            int32_t pull = half_up(net * kernel, 8 + n);
            uint32_t strength = pull < 0 ? -pull : pull;
            int32_t exponent = count_above(strength, 8);
            int32_t mantissa = half_up(strength, exponent);
            int32_t x = half_up(mantissa * dx, 12 - exponent), y = half_up(mantissa * dy, 12 - exponent);
            total += (uint32_t)kernel << 4 >> n;
            x = pull < 0 ? -x : x;
            y = pull < 0 ? -y : y;
            force_x += x;
            force_y += y;
            motions[j].force_x -= x;
            motions[j].force_y -= y;
        }
        motions[i].force_x = force_x;
        motions[i].force_y = force_y;
    }
    return total;
}

/* One coordinate's step. */
static void move(int32_t *position, int32_t *velocity, int32_t momentum, int32_t force, int32_t shift)
{
    *velocity = limit(half_up(momentum * *velocity, 4) - half_up(force, shift), -FASTEST, FASTEST - 1);
    *position = limit(*position + *velocity, -FARTHEST, FARTHEST - 1);
}

void embed(const struct nms_job *job, const uint32_t *affinities, const uint32_t *sums, struct motion *motions,
           struct nms_point *points)
{
    uint32_t count = job->count, total = (count * (count - 1) / 2) << 12;
    uint32_t exaggerated = job->iterations / 4 < EXAGGERATED ? job->iterations / 4 : EXAGGERATED;

    scatter(count, job->seed, points);
    for (uint32_t i = 0; i < count; i++)
        motions[i].x = motions[i].y = 0;
    for (uint32_t iteration = 0; iteration < job->iterations; iteration++) {
        uint32_t early = iteration < exaggerated;
        total = push(count, affinities, points, normalise(count, total), early, motions);
        for (uint32_t i = 0; i < count; i++) {
            int32_t shift = (sums[i] > 1 << 16 ? bit_length(sums[i] - 1) - 16 : 0) + 4;
            int32_t momentum = early ? 8 : 14, doubled = !early;
            move(&points[i].x, &motions[i].x, momentum, motions[i].force_x * (1 << doubled), shift);
            move(&points[i].y, &motions[i].y, momentum, motions[i].force_y * (1 << doubled), shift);
        }
    }
}
