/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <math.h>

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

static uint32_t method_of(volatile uint32_t *registers)
{
    return get(registers, NMS_METHOD) & NMS_METHOD_INDEX;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Whether a region of each batch, of which the last has so many bytes, ends beyond addresses of 32 bits. */
static int is_beyond(const struct nms_job *job, uint64_t base, uint32_t stride, uint64_t bytes)
{
    return base + (uint64_t)(job->batches - 1) * stride + bytes > (uint64_t)1 << 32;
}

/* Whether the job needs addresses of more than 32 bits; where images by lists lie, the lists alone know. */
static int needs_wide(const struct nms_job *job)
{
    uint64_t map = job->pick == NMS_PICK_HERDING ? 0 : (uint64_t)24 * job->count;

    if (is_beyond(job, job->result_base, job->result_stride, (job->keep + 1) / 2 * 8 + map))
        return 1;
    if (job->use_lists)
        return job->image_base >> 32 != 0 ||
               is_beyond(job, job->list_base, job->list_stride, (uint64_t)4 * job->count);
    return is_beyond(job, job->image_base, job->batch_stride,
                     (uint64_t)(job->count - 1) * job->image_stride + job->pixels);
}

int nms_fits(volatile uint32_t *registers, const struct nms_job *job)
{
    uint32_t pixels = job->pixels;

    if (needs_wide(job) && (get(registers, NMS_METHOD) & NMS_METHOD_NARROW))
        return 0;
    if (job->side != 0)
        pixels = smaller(job->side, job->height) * smaller(job->side, job->width) *
                 (job->grey ? 1 : job->channels);
    if (job->threshold != 0 &&
        job->window > (get(registers, NMS_METHOD) & NMS_METHOD_WINDOW) / NMS_LOWEST(NMS_METHOD_WINDOW))
        return 0;
    if (job->pick != NMS_PICK_CENTRE && job->pick != NMS_PICK_HERDING &&
        !(get(registers, NMS_METHOD) & NMS_METHOD_PICKS))
        return 0;
    return get(registers, NMS_IDENTITY) == NMS_IDENTITY_VALUE &&
           job->side <= (get(registers, NMS_METHOD) & NMS_METHOD_SIDE) / NMS_LOWEST(NMS_METHOD_SIDE) &&
           job->count <= get(registers, NMS_MAX_IMAGES) && pixels <= get(registers, NMS_MAX_PIXELS);
}

static void put_reduction(volatile uint32_t *registers, const struct nms_job *job)
{
    put(registers, NMS_SHAPE,
        job->height * NMS_LOWEST(NMS_SHAPE_HEIGHT) | job->width * NMS_LOWEST(NMS_SHAPE_WIDTH));
    put(registers, NMS_REDUCTION,
        job->side * NMS_LOWEST(NMS_REDUCTION_SIDE) | job->channels * NMS_LOWEST(NMS_REDUCTION_CHANNELS) |
            (job->planes ? NMS_REDUCTION_PLANES : 0) | (job->grey ? NMS_REDUCTION_GREY : 0));
    put(registers, NMS_PICK, job->pick);
    put(registers, NMS_EVALUATIONS, job->evaluations);
    put(registers, NMS_DUPLICATES,
        job->threshold * NMS_LOWEST(NMS_DUPLICATES_THRESHOLD) |
            job->window * NMS_LOWEST(NMS_DUPLICATES_WINDOW) | (job->across ? NMS_DUPLICATES_ACROSS : 0));
}

void nms_start(volatile uint32_t *registers, const struct nms_job *job)
{
    uint32_t fraction = get(registers, NMS_FRACTIONS) & NMS_FRACTIONS_PERPLEXITY;
    double target = method_of(registers) == NMS_LEAN ? log2(job->perplexity) : job->perplexity;

    put(registers, NMS_COUNT, job->count);
    put(registers, NMS_PIXELS, job->pixels);
    put(registers, NMS_KEEP, job->keep);
    put(registers, NMS_SEED, job->seed);
    put64(registers, NMS_TARGET_LO, (uint64_t)(target * (double)((uint64_t)1 << fraction) + 0.5));
    put(registers, NMS_ITERATIONS, job->iterations);
    put(registers, NMS_EXAGGERATED, job->iterations / 4 < 12 ? job->iterations / 4 : 12);
    put(registers, NMS_SEARCH, job->search);
    put_reduction(registers, job);
    put(registers, NMS_BATCHES, job->batches);
    put(registers, NMS_OPTIONS,
        NMS_OPTIONS_WRITE_RESULTS | (job->send_images ? NMS_OPTIONS_SEND_IMAGES : 0) |
            (job->use_lists ? NMS_OPTIONS_USE_LIST : 0));
    put64(registers, NMS_LIST_BASE_LO, job->list_base);
    put(registers, NMS_LIST_STRIDE, job->list_stride);
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

uint32_t nms_make_lists(const uint32_t *labels, uint32_t images, uint32_t classes, uint32_t most,
                        uint32_t *numbers, uint32_t *sizes)
{
    uint32_t groups = 0;

    for (uint32_t label = 0; label < classes; label++) {
        uint32_t members = 0, parts;
        for (uint32_t image = 0; image < images; image++)
            members += labels[image] == label;
        parts = (members + most - 1) / most;
        for (uint32_t part = 0; part < parts; part++) {
            uint32_t member = 0;
            sizes[groups] = 0;
            for (uint32_t image = 0; image < images; image++)
                if (labels[image] == label && member++ % parts == part) {
                    *numbers++ = image;
                    sizes[groups]++;
                }
            groups++;
        }
    }
    return groups;
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
