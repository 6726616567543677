/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler of reduced images in software, to the bit what the hardware does: what it costs without it. */
#ifndef SOFTWARE_H
#define SOFTWARE_H

#include <stdint.h>

#include "job.h"

/* Bytes of scratch memory for groups of so many images and bytes of a reduced one. */
#define SOFTWARE_SCRATCH(count, reduced) ((count) * ((reduced) + (count)*8u + 20u))

/* What a group gives: the places in it of the images that are kept, ascending, and, unless herding picks, map and
 * rows. */
struct outcome {
    uint32_t *kept;
    struct nms_point *points;
    struct nms_row *rows;
};

/* The target of a job's search: its entropy. It is the one step that needs real numbers, and done once a job. */
uint32_t find_target(const struct nms_job *job);

/* Samples a group. The job's image number `numbers[k]` is the group's image k. `scratch` is aligned to eight bytes.
 * Near-duplicates are not removed. */
void sample(const struct nms_job *job, uint32_t target, const uint32_t *numbers, void *scratch,
            const struct outcome *outcome);

#endif
