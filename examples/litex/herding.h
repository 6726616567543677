/* SPDX-License-Identifier: Apache-2.0 */
/* Herding in software, to the bit what the sampler does: what it costs without one. */
#ifndef HERDING_H
#define HERDING_H

#include <stdint.h>

#include "job.h"

/* Bytes of scratch memory for a job of so many images and bytes of a reduced one. */
#define HERDING_SCRATCH(count, reduced) ((count) * (reduced) + (count) * (count)*4u + (count)*20u + 16u)

/* The images that herding keeps of a group: their places in the group, ascending, go to `kept`. The job's image
 * number `numbers[k]` is the group's image k. `scratch` is aligned to eight bytes. */
void herd(const struct nms_job *job, const uint32_t *numbers, void *scratch, uint32_t *kept);

#endif
