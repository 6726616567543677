/* SPDX-License-Identifier: Apache-2.0 */
/* Samples images of several classes, class by class, and compares all that comes back with what was computed
 * beforehand. The images, the jobs and what they shall give are in work.h. */
#include <stdint.h>

#include <generated/csr.h>
#include <generated/mem.h>
#include <generated/sdram_phy.h>
#include <generated/soc.h>

#include "console.h"
#include "job.h"
#include "software.h"
#include "system.h"
#include "work.h"

/* Bits of VexRiscv's interrupts: its own mask, and machine interrupts in mstatus. */
#define MASK "0xbc0"
#define MACHINE_INTERRUPTS 8

static volatile uint32_t *const registers = (volatile uint32_t *)NMS_BASE;
static volatile uint32_t events, interrupts;
static uint32_t numbers[IMAGES], sizes[IMAGES];
static uint32_t differences, compared;
static const char *by = "";
static uint32_t sent;

void cdelay(int cycles)
{
    while (cycles-- > 0)
        __asm__ volatile("nop");
}

__attribute__((interrupt("machine"), aligned(4))) void on_interrupt(void);

void on_interrupt(void)
{
    events |= registers[NMS_IRQ_STATUS / 4];
    registers[NMS_IRQ_STATUS / 4] = events;
    interrupts++;
}

static void compare(const char *what, uint32_t place, int64_t found, int64_t wanted)
{
    compared++;
    if (found == wanted)
        return;
    if (differences++ < 10)
        print("%s%s %u: found %d, wanted %d\n", what, by, place, (int32_t)found, (int32_t)wanted);
}

static uint32_t counter(uint32_t offset)
{
    return registers[offset / 4];
}

/* The lists of the groups of so many images, one after the other, each from a beat's start. */
static void put_lists(uint32_t groups, const struct nms_job *job)
{
    uint32_t *to = (uint32_t *)(uintptr_t)job->list_base;
    const uint32_t *from = numbers;

    for (uint32_t group = 0; group < groups; from += sizes[group++])
        if (sizes[group] == job->count) {
            for (uint32_t k = 0; k < job->count; k++)
                to[k] = from[k];
            to += job->list_stride / 4;
        }
}

static void check_map(uint32_t count, const struct nms_point *points, const struct nms_row *rows,
                      const struct wanted *wanted)
{
    for (uint32_t k = 0; k < count; k++) {
        compare("x", k, points[k].x, wanted->points[k].x);
        compare("y", k, points[k].y, wanted->points[k].y);
        compare("mantissa", k, rows[k].mantissa, wanted->rows[k].mantissa);
        compare("exponent", k, rows[k].exponent, wanted->rows[k].exponent);
        compare("scale", k, rows[k].scale, wanted->rows[k].scale);
        compare("status", k, rows[k].status, wanted->rows[k].status);
        compare("generations", k, rows[k].generations, wanted->rows[k].generations);
    }
}

static void check_batch(const struct nms_job *job, uint32_t batch, const struct wanted *wanted)
{
    const uint8_t *results = (const uint8_t *)(uintptr_t)job->result_base;
    const uint32_t *kept = nms_kept(results, job, batch);

    for (uint32_t k = 0; k < job->keep; k++) {
        compare("kept", k, kept[k], wanted->kept[k]);
        for (uint32_t word = 0; word < IMAGE_STRIDE / 4; word++, sent += 4)
            compare("sent", sent, *(const volatile uint32_t *)(SINK_BASE + sent % SINK_SIZE),
                    images[wanted->kept[k] * (IMAGE_STRIDE / 4) + word]);
    }
    if (HAS_MAP)
        check_map(job->count, nms_points(results, job, batch), nms_rows(results, job, batch), wanted);
}

/* The distances of the last batch, which the sampler still holds. */
static void check_distances(const struct nms_job *job, const struct wanted *wanted)
{
    registers[NMS_TABLE / 4] = NMS_TABLE_DISTANCE;
    registers[NMS_ROW / 4] = 0;
    registers[NMS_COLUMN / 4] = 0;
    for (uint32_t k = 0; k < job->count * job->count; k++)
        compare("distance", k, registers[NMS_DATA_LO / 4], wanted->distances[k]);
}

#if HAS_SOFTWARE
static uint64_t read_cycles(void)
{
    timer0_uptime_latch_write(1);
    return timer0_uptime_cycles_read();
}

/* The same groups in software, what it gives, the cycles that it takes, and when it began. */
static void run_software(const struct nms_job *job, const struct wanted *wanted)
{
    static uint32_t kept[MOST];
    static struct nms_point points[MOST];
    static struct nms_row rows[MOST];
    uint32_t target = find_target(job);
    uint64_t cycles = 0, began = read_cycles();

    by = " by software";
    for (uint32_t batch = 0; batch < job->batches; batch++) {
        const uint32_t *list = (const uint32_t *)((uintptr_t)job->list_base + batch * job->list_stride);
        uint64_t start = read_cycles();
        sample(job, target, list, (void *)SCRATCH_BASE, &(struct outcome){kept, points, rows});
        cycles += read_cycles() - start;
        for (uint32_t k = 0; k < job->keep; k++)
            compare("kept", k, list[kept[k]], wanted[batch].kept[k]);
        if (HAS_MAP)
            check_map(job->count, points, rows, &wanted[batch]);
    }
    by = "";
    print("software %u from %u\n", (uint32_t)cycles, (uint32_t)began);
}
#endif

static int run(const struct nms_job *job, uint32_t groups, const struct wanted *wanted)
{
    uint64_t address;
    enum nms_error error;

    put_lists(groups, job);
    flush_dcache();
    events = 0;
    nms_start(registers, job);
    while (!events) {
    }
    error = nms_wait(registers, &address);
    flush_dcache();
    if (error || events != NMS_EVENT_DONE) {
        print("error %u at %x\n", error, (uint32_t)address);
        return 0;
    }
    print("job batches %u images %u keep %u cycles %u bytes_read %u bytes_written %u bytes_sent %u\n", job->batches,
          job->count, job->keep, counter(NMS_CYCLES_JOB_LO), counter(NMS_BYTES_READ_LO),
          counter(NMS_BYTES_WRITTEN_LO), counter(NMS_BYTES_SENT_LO));
    for (uint32_t batch = 0; batch < job->batches; batch++)
        check_batch(job, batch, &wanted[batch]);
    check_distances(job, &wanted[job->batches - 1]);
#if HAS_SOFTWARE
    run_software(job, wanted);
#endif
    return 1;
}

int main(void)
{
    uint32_t *memory = (uint32_t *)IMAGE_BASE;
    const struct wanted *next = wanted;
    uint32_t groups;
    int well = 1;

    init_sequence();
    sdram_dfii_control_write(DFII_CONTROL_SEL);
    for (uint32_t word = 0; word < IMAGES * (IMAGE_STRIDE / 4); word++)
        memory[word] = images[word];
    groups = nms_make_lists(labels, IMAGES, CLASSES, MOST, numbers, sizes);
    print("groups %u\n", groups);
    __asm__ volatile("csrw " MASK ", %0" ::"r"(1 << NMS_INTERRUPT));
    __asm__ volatile("csrs mstatus, %0" ::"r"(MACHINE_INTERRUPTS));
    for (uint32_t k = 0; k < JOBS && well; next += jobs[k++].batches) {
        well = nms_fits(registers, &jobs[k]);
        if (!well)
            print("no job %u: it does not fit the sampler\n", k);
        well = well && run(&jobs[k], groups, next);
    }
    print("interrupts %u\ncompared %u\ndifferences %u\n", interrupts, compared, differences);
    print_end();
    finish_code_write(well && !differences && interrupts == JOBS ? 1 : 2);
    for (;;) {
    }
}
