/* SPDX-License-Identifier: Apache-2.0 */
/* Images reduced to a small grid, and the distances between them. */
#include "stages.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The rounded mean of a box: `lines` rows of `bytes` bytes, every `step`th of which counts. */
static uint8_t find_mean(const uint8_t *box, uint32_t lines, uint32_t pitch, uint32_t bytes, uint32_t step)
{
    uint32_t sum = 0, members = lines * (bytes / step);

    for (uint32_t line = 0; line < lines; line++, box += pitch)
        for (uint32_t k = 0; k < bytes; k += step)
            sum += box[k];
    return (sum + members / 2) / members;
}

/* Reduces an image; returns the bytes of the reduced one. */
static uint32_t reduce_image(const struct nms_job *job, const uint8_t *image, uint8_t *to)
{
    const uint8_t *first = to;
    uint32_t planes = job->planes ? job->channels : 1, pixel = job->planes ? 1 : job->channels;
    uint32_t rows = smaller(job->side, job->height), columns = smaller(job->side, job->width);
    uint32_t pitch = job->width * pixel;

    if (job->side == 0) {
        for (uint32_t k = 0; k < job->pixels; k++)
            *to++ = image[k];
        return job->pixels;
    }
    for (uint32_t plane = 0; plane < planes; plane++, image += job->height * pitch)
        for (uint32_t row = 0; row < rows; row++) {
            uint32_t top = row * job->height / rows, lines = (row + 1) * job->height / rows - top;
            for (uint32_t column = 0; column < columns; column++) {
                uint32_t left = column * job->width / columns;
                uint32_t bytes = ((column + 1) * job->width / columns - left) * pixel;
                const uint8_t *box = image + top * pitch + left * pixel;
                if (job->grey)
                    *to++ = find_mean(box, lines, pitch, bytes, 1);
                else
                    for (uint32_t channel = 0; channel < pixel; channel++)
                        *to++ = find_mean(box + channel, lines, pitch, bytes, pixel);
            }
        }
    return to - first;
}

uint32_t reduce(const struct nms_job *job, const uint32_t *numbers, uint8_t *reduced)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < job->count; i++)
        bytes = reduce_image(job, (const uint8_t *)(uintptr_t)job->image_base + numbers[i] * job->image_stride,
                             reduced + i * bytes);
    return bytes;
}

static uint32_t measure_pair(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
    uint32_t sum = 0;

    for (uint32_t k = 0; k < bytes; k++) {
        int32_t difference = a[k] - b[k];
        sum += difference * difference;
    }
    return sum;
}

void measure(uint32_t count, uint32_t bytes, const uint8_t *images, uint32_t *distances)
{
    for (uint32_t i = 0; i < count; i++) {
        distances[i * count + i] = 0;
        for (uint32_t j = 0; j < i; j++)
            distances[i * count + j] = distances[j * count + i] =
                measure_pair(images + i * bytes, images + j * bytes, bytes);
    }
}
