/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a job on the near-memory sampler through its registers. */
#ifndef NMS_JOB_H
#define NMS_JOB_H

#include <stdint.h>

#include "nms_registers.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nms_job {
    uint32_t count, pixels, keep;
    double perplexity;
    uint32_t iterations, seed, search;
    uint32_t batches, image_stride, batch_stride, result_stride;
    uint64_t image_base, result_base;
    int send_images;
    /* With lists, image k of a batch is the one that its list names by number. */
    int use_lists;
    uint32_t list_stride;
    uint64_t list_base;
    /* Of samplers that look at reduced images; side 0 takes images as they are. */
    uint32_t height, width, channels, side;
    int planes, grey;
    uint32_t pick, evaluations;
    /* Near-duplicates of one of the last `window` images that stand are left out; threshold 0 leaves none out. */
    uint32_t threshold, window;
    int across;
};

/* Whether a sampler answers at these registers, is large enough for the job, has its pick of a map, and reaches
 * all of its addresses. */
int nms_fits(volatile uint32_t *registers, const struct nms_job *job);

/* Starts the job. irq rises when it ends. */
void nms_start(volatile uint32_t *registers, const struct nms_job *job);

/* Polls until the job ends. Returns its error code, 0 for success, and the address of the error. */
enum nms_error nms_wait(volatile uint32_t *registers, uint64_t *address);

/* Groups of images of one class, for the lists of jobs: a class of more than `most` images is divided into as
 * few groups as can be, whose sizes differ by one at most. Labels are below `classes`. The groups' numbers go to
 * `numbers` (`images` of them), one group after the other, their sizes to `sizes`. Returns the number of groups.
 * Groups of one size can be the batches of a job; those of less than four images cannot. */
uint32_t nms_make_lists(const uint32_t *labels, uint32_t images, uint32_t classes, uint32_t most,
                        uint32_t *numbers, uint32_t *sizes);

/* The results of a batch; `results` points to those of the first one. There are no points and rows with the
 * pick herding. */
const uint32_t *nms_kept(const uint8_t *results, const struct nms_job *job, uint32_t batch);
const struct nms_point *nms_points(const uint8_t *results, const struct nms_job *job, uint32_t batch);
const struct nms_row *nms_rows(const uint8_t *results, const struct nms_job *job, uint32_t batch);

#ifdef __cplusplus
}
#endif

#endif
