/* SPDX-License-Identifier: Apache-2.0 */
/* One job of the near-memory sampler, from its registers alone. */
#ifndef NMS_JOB_H
#define NMS_JOB_H

#include <stdint.h>

#include "nms_registers.h"

struct nms_job {
    uint32_t count, pixels, keep;
    double perplexity;
    uint32_t iterations, seed, search;
    uint32_t batches, image_stride, batch_stride, result_stride;
    uint64_t image_base, result_base;
    int send_images;
};

/* Whether a sampler answers at the registers and its maxima allow the job. */
int nms_fits(volatile uint32_t *registers, const struct nms_job *job);

/* Begin the job; its end is shown by irq. */
void nms_start(volatile uint32_t *registers, const struct nms_job *job);

/* Wait for the end of the job without an interrupt: the error code, 0 if all is well. */
enum nms_error nms_wait(volatile uint32_t *registers, uint64_t *address);

/* Where the results of a batch lie, from the address of the first batch's results on. */
const uint32_t *nms_kept(const uint8_t *results, const struct nms_job *job, uint32_t batch);
const struct nms_point *nms_points(const uint8_t *results, const struct nms_job *job, uint32_t batch);
const struct nms_row *nms_rows(const uint8_t *results, const struct nms_job *job, uint32_t batch);

#endif
