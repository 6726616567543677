/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

static uint32_t get(volatile uint32_t *registers, uint32_t offset)
{
    return registers[offset / 4];
}

static void put(volatile uint32_t *registers, uint32_t offset, uint32_t value)
{
    registers[offset / 4] = value;
}

static void put64(volatile uint32_t *registers, uint32_t offset, uint64_t value)
{
    put(registers, offset, (uint32_t)value);
    put(registers, offset + 4, (uint32_t)(value >> 32));
}

int nms_fits(volatile uint32_t *registers, const struct nms_job *job)
{
    return get(registers, NMS_IDENTITY) == NMS_IDENTITY_VALUE &&
           job->count <= get(registers, NMS_MAX_IMAGES) && job->pixels <= get(registers, NMS_MAX_PIXELS);
}

void nms_start(volatile uint32_t *registers, const struct nms_job *job)
{
    uint32_t fraction = get(registers, NMS_FRACTIONS) & NMS_FRACTIONS_PERPLEXITY;

    put(registers, NMS_COUNT, job->count);
    put(registers, NMS_PIXELS, job->pixels);
    put(registers, NMS_KEEP, job->keep);
    put(registers, NMS_SEED, job->seed);
    put64(registers, NMS_TARGET_LO, (uint64_t)(job->perplexity * (double)((uint64_t)1 << fraction) + 0.5));
    put(registers, NMS_ITERATIONS, job->iterations);
    put(registers, NMS_EXAGGERATED, job->iterations / 4 < 12 ? job->iterations / 4 : 12);
    put(registers, NMS_SEARCH, job->search);
    put(registers, NMS_BATCHES, job->batches);
    put(registers, NMS_OPTIONS,
        NMS_OPTIONS_WRITE_RESULTS | (job->send_images ? NMS_OPTIONS_SEND_IMAGES : 0));
    put64(registers, NMS_IMAGE_BASE_LO, job->image_base);
    put(registers, NMS_IMAGE_STRIDE, job->image_stride);
    put(registers, NMS_BATCH_STRIDE, job->batch_stride);
    put64(registers, NMS_RESULT_BASE_LO, job->result_base);
    put(registers, NMS_RESULT_STRIDE, job->result_stride);
    put(registers, NMS_IRQ_STATUS, NMS_EVENT_DONE | NMS_EVENT_ERROR | NMS_EVENT_ABORTED);
    put(registers, NMS_IRQ_ENABLE, NMS_EVENT_DONE | NMS_EVENT_ERROR | NMS_EVENT_ABORTED);
    put(registers, NMS_CONTROL, NMS_CONTROL_START);
}

enum nms_error nms_wait(volatile uint32_t *registers, uint64_t *address)
{
    while (get(registers, NMS_STATUS) & NMS_STATUS_BUSY) {
    }
    *address = get(registers, NMS_ERROR_ADDRESS_LO) | (uint64_t)get(registers, NMS_ERROR_ADDRESS_HI) << 32;
    return (enum nms_error)(get(registers, NMS_ERROR_CODE) & NMS_ERROR_CODE_CODE);
}

static const uint8_t *batch_results(const uint8_t *results, const struct nms_job *job, uint32_t batch)
{
    return results + (uint64_t)batch * job->result_stride;
}

const uint32_t *nms_kept(const uint8_t *results, const struct nms_job *job, uint32_t batch)
{
    return (const uint32_t *)batch_results(results, job, batch);
}

const struct nms_point *nms_points(const uint8_t *results, const struct nms_job *job, uint32_t batch)
{
    return (const struct nms_point *)(batch_results(results, job, batch) + (job->keep + 1) / 2 * 8);
}

const struct nms_row *nms_rows(const uint8_t *results, const struct nms_job *job, uint32_t batch)
{
    return (const struct nms_row *)(nms_points(results, job, batch) + job->count);
}
