/* SPDX-License-Identifier: Apache-2.0 */
#include "software.h"

#include <math.h>

#include "stages.h"

#define ENTROPY_ONE 256 /* an entropy of one bit */

uint32_t find_target(const struct nms_job *job)
{
    return job->pick == NMS_PICK_HERDING ? 0 : (uint32_t)(log2(job->perplexity) * ENTROPY_ONE + 0.5);
}

void sample(const struct nms_job *job, uint32_t target, const uint32_t *numbers, void *scratch,
            const struct outcome *outcome)
{
    uint32_t count = job->count;
    int64_t *sums = scratch;
    uint32_t *distances = (uint32_t *)(sums + 2 * count), *affinities = distances + count * count;
    uint32_t *row_sums = affinities + count * count;
    uint8_t *reduced = (uint8_t *)(row_sums + count);

    measure(count, reduce(job, numbers, reduced), reduced, distances);
    if (job->pick == NMS_PICK_HERDING) {
        herd(count, job->keep, distances, sums, outcome->kept);
        return;
    }
    search(count, target, job->evaluations, distances, row_sums, outcome->rows, affinities);
    add_rows(count, affinities, row_sums);
    embed(job, affinities, row_sums, scratch, outcome->points);
    pick(job, outcome->points, distances, row_sums, scratch, outcome->kept);
}
