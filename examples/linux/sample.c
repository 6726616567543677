/* SPDX-License-Identifier: Apache-2.0 */
/* Samples images from a program of Linux, by the driver of user-space I/O.
 *
 * usage: sample DEVICE ADDRESS IMAGES HEIGHT WIDTH CHANNELS COUNT KEEP
 *
 * DEVICE is such as /dev/uio0: its first region are the registers, its second the memory that the sampler
 * shares, which begins at ADDRESS of the bus. IMAGES is a file of COUNT images, one after the other, pixel by
 * pixel. The places of the KEEP images that are kept are printed, one a line. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "job.h"

enum { REGISTERS = 4096, MEMORY = 0x1000000, BEAT = 64 };

static int complain(const char *what)
{
    fprintf(stderr, "sample: %s\n", what);
    return 1;
}

/* A region of the device; the page of its offset names it. */
static void *map(int device, int region, size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, region * sysconf(_SC_PAGESIZE));
}

/* The images, each from a beat's start; whether all were there. */
static int load(const char *name, uint8_t *memory, const struct nms_job *job)
{
    FILE *file = fopen(name, "rb");
    uint32_t image = 0;

    while (file && image < job->count &&
           fread(memory + image * job->image_stride, job->pixels, 1, file) == 1)
        image++;
    if (file)
        fclose(file);
    return image == job->count;
}

/* Lets the device interrupt, starts the job, and sleeps until it has. */
static enum nms_error run(int device, volatile uint32_t *registers, const struct nms_job *job)
{
    uint32_t enable = 1, interrupts;
    uint64_t address;

    if (write(device, &enable, sizeof enable) != sizeof enable)
        complain("the device cannot interrupt");
    nms_start(registers, job);
    if (read(device, &interrupts, sizeof interrupts) != sizeof interrupts)
        complain("the device did not interrupt");
    return nms_wait(registers, &address);
}

int main(int argc, char **argv)
{
    struct nms_job job = {.seed = 1, .batches = 1, .side = 8, .pick = NMS_PICK_HERDING};
    volatile uint32_t *registers;
    uint8_t *memory;
    int device;

    if (argc != 9)
        return complain("usage: sample DEVICE ADDRESS IMAGES HEIGHT WIDTH CHANNELS COUNT KEEP");
    job.image_base = strtoull(argv[2], NULL, 0);
    job.height = strtoul(argv[4], NULL, 0);
    job.width = strtoul(argv[5], NULL, 0);
    job.channels = strtoul(argv[6], NULL, 0);
    job.count = strtoul(argv[7], NULL, 0);
    job.keep = strtoul(argv[8], NULL, 0);
    job.pixels = job.height * job.width * job.channels;
    job.image_stride = (job.pixels + BEAT - 1) / BEAT * BEAT;
    job.result_base = job.image_base + (uint64_t)job.count * job.image_stride;
    if ((uint64_t)job.count * job.image_stride + job.keep * 4 + BEAT > MEMORY)
        return complain("the images do not fit the shared memory");
    device = open(argv[1], O_RDWR);
    if (device < 0)
        return complain("cannot open the device");
    registers = map(device, 0, REGISTERS);
    memory = map(device, 1, MEMORY);
    if (registers == MAP_FAILED || memory == MAP_FAILED)
        return complain("cannot map the device");
    if (!nms_fits(registers, &job))
        return complain("no sampler that is large enough answers");
    if (!load(argv[3], memory, &job))
        return complain("the file has too few images");
    if (run(device, registers, &job) != NMS_ERROR_NONE)
        return complain("the sampler refuses the job");
    for (uint32_t k = 0; k < job.keep; k++)
        printf("%u\n", nms_kept(memory + (job.result_base - job.image_base), &job, 0)[k]);
    return 0;
}
