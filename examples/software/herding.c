/* SPDX-License-Identifier: Apache-2.0 */
/* Herding: one image after the other, so that those chosen have the mean of all. */
#include "stages.h"

#define CHOSEN INT64_MAX /* a score above all others */

void herd(uint32_t count, uint32_t keep, const uint32_t *distances, int64_t *sums, uint32_t *kept)
{
    int64_t *scores = sums + count;

    for (uint32_t i = 0; i < count; i++) {
        sums[i] = 0;
        for (uint32_t j = 0; j < count; j++)
            sums[i] += distances[i * count + j];
        scores[i] = sums[i];
    }
    for (uint32_t taken = 0; taken < keep; taken++) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < count; i++)
            if (scores[i] < scores[best])
                best = i;
        scores[best] = CHOSEN;
        for (uint32_t i = 0; i < count; i++)
            if (scores[i] != CHOSEN)
                scores[i] += sums[i] - (int64_t)count * distances[best * count + i];
    }
    for (uint32_t i = 0; i < count; i++)
        if (scores[i] == CHOSEN)
            *kept++ = i;
}
