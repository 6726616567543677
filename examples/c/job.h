/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a job on the near-memory sampler through its registers. */
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

/* Whether a sampler answers at these registers and is large enough for the job. */
int nms_fits(volatile uint32_t *registers, const struct nms_job *job);

/* Starts the job. irq rises when it ends. */
void nms_start(volatile uint32_t *registers, const struct nms_job *job);

/* Polls until the job ends. Returns its error code, 0 for success, and the address of the error. */
enum nms_error nms_wait(volatile uint32_t *registers, uint64_t *address);

/* The results of a batch; `results` points to those of the first one. */
const uint32_t *nms_kept(const uint8_t *results, const struct nms_job *job, uint32_t batch);
const struct nms_point *nms_points(const uint8_t *results, const struct nms_job *job, uint32_t batch);
const struct nms_row *nms_rows(const uint8_t *results, const struct nms_job *job, uint32_t batch);

#endif
