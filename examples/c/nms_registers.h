/* SPDX-License-Identifier: Apache-2.0 */
/* Made from the registers of the contract by python -m nms.rtl.export.registers; do not edit. */
#ifndef NMS_REGISTERS_H
#define NMS_REGISTERS_H

#include <stdint.h>

#define NMS_IDENTITY 0x000u /* ro: The text NMS1 */
#define NMS_VERSION 0x004u /* ro: Version of the registers */
#define NMS_VERSION_MINOR 0x0000ffffu /* additions */
#define NMS_VERSION_MAJOR 0xffff0000u /* incompatible changes */
#define NMS_DIGEST_LO 0x008u /* ro: Digest of the configuration, 48 bits; bits 31 to 0 */
#define NMS_DIGEST_HI 0x00cu /* ro: Digest of the configuration, 48 bits; bits 63 to 32 */
#define NMS_MAX_IMAGES 0x010u /* ro: Largest batch, images */
#define NMS_MAX_PIXELS 0x014u /* ro: Largest image, bytes, reduced where it is */
#define NMS_ARRAY 0x018u /* ro: Sizes of the hardware, 0 of what it does not have */
#define NMS_ARRAY_PES 0x000000ffu /* processing elements */
#define NMS_ARRAY_LANES 0x0000ff00u /* bytes a PE takes in a cycle */
#define NMS_ARRAY_TE_LANES 0x00ff0000u /* pairs of the embedding in a cycle */
#define NMS_ARRAY_BUS_BYTES 0xff000000u /* bytes of a beat of m_axi and m_axis */
#define NMS_FRACTIONS 0x01cu /* ro: Fraction bits of the formats that software meets, 0 of one it does not */
#define NMS_FRACTIONS_PERPLEXITY 0x000000ffu /* of the target */
#define NMS_FRACTIONS_POSITION 0x0000ff00u /* of the embedding */
#define NMS_FRACTIONS_MANTISSA 0x00ff0000u /* of the mantissa of beta */
#define NMS_CONTROL 0x020u /* wo: Commands */
#define NMS_CONTROL_START 0x00000001u /* begin a job; ignored while busy */
#define NMS_CONTROL_ABORT 0x00000002u /* end the job; ignored unless busy */
#define NMS_CONTROL_CLEAR 0x00000004u /* clear done, error, error code and error address; ignored while busy */
#define NMS_STATUS 0x024u /* ro: State of the job */
#define NMS_STATUS_BUSY 0x00000001u /* a job is under way, or its last transactions are */
#define NMS_STATUS_DONE 0x00000002u /* the last job has ended well; cleared by start and clear */
#define NMS_STATUS_ERROR 0x00000004u /* the last job was refused, stopped or aborted; cleared by start and clear */
#define NMS_STATUS_WRITING 0x00000008u /* results are being written */
#define NMS_STATUS_PHASE 0x00000f00u /* phase of the sampler: 0 IDLE, 1 LOAD, 2 DISTANCE, 3 SEARCH, 4 AFFINITY, 5 EMBED, 6 GRID, 7 EMIT, 8 PICK */
#define NMS_IRQ_ENABLE 0x028u /* rw, always: irq is high while an enabled event is pending */
#define NMS_IRQ_ENABLE_DONE 0x00000001u /* a job has ended, all batches done */
#define NMS_IRQ_ENABLE_ERROR 0x00000002u /* a job was refused or stopped by an error */
#define NMS_IRQ_ENABLE_ABORTED 0x00000004u /* an abort is complete: nothing is under way on any bus */
#define NMS_IRQ_STATUS 0x02cu /* rw1c: Pending events */
#define NMS_IRQ_STATUS_DONE 0x00000001u /* a job has ended, all batches done */
#define NMS_IRQ_STATUS_ERROR 0x00000002u /* a job was refused or stopped by an error */
#define NMS_IRQ_STATUS_ABORTED 0x00000004u /* an abort is complete: nothing is under way on any bus */
#define NMS_ERROR_CODE 0x030u /* ro: Why the last job was refused or stopped */
#define NMS_ERROR_CODE_CODE 0x0000000fu /* 0 NONE, 1 SETTING, 2 READ_SLVERR, 3 READ_DECERR, 4 WRITE_SLVERR, 5 WRITE_DECERR, 6 ABORTED */
#define NMS_BATCHES_DONE 0x034u /* ro: Batches of the job whose results are complete */
#define NMS_ERROR_ADDRESS_LO 0x038u /* ro: Address on m_axi, or offset of the register, of the error; bits 31 to 0 */
#define NMS_ERROR_ADDRESS_HI 0x03cu /* ro: Address on m_axi, or offset of the register, of the error; bits 63 to 32 */
#define NMS_COUNT 0x040u /* rw: N, images in a batch: 4 to max_images */
#define NMS_PIXELS 0x044u /* rw: Bytes of an image: 1 to max_pixels or, if it is reduced, height * width * channels */
#define NMS_KEEP 0x048u /* rw: K, images to keep: 1 to N */
#define NMS_SEED 0x04cu /* rw: Seed of every random number */
#define NMS_TARGET_LO 0x050u /* rw: Perplexity, raw: above 1 and below N-1; of the method lean its entropy: below the bit length of N-1; bits 31 to 0 */
#define NMS_TARGET_HI 0x054u /* rw: Perplexity, raw: above 1 and below N-1; of the method lean its entropy: below the bit length of N-1; bits 63 to 32 */
#define NMS_ITERATIONS 0x058u /* rw: Gradient iterations: 0 to 65535 */
#define NMS_EXAGGERATED 0x05cu /* rw: Iterations of the first part of the schedule: 0 to 65535 */
#define NMS_SEARCH 0x060u /* rw: Method of the search: 0 de-rand1, 1 de-best1, 2 section, 3 window */
#define NMS_BATCHES 0x064u /* rw: Batches of the job: 1 or more */
#define NMS_OPTIONS 0x068u /* rw: Which images are read, and what leaves the block */
#define NMS_OPTIONS_SEND_IMAGES 0x00000001u /* send the kept images on m_axis */
#define NMS_OPTIONS_WRITE_RESULTS 0x00000002u /* write the results of each batch to memory */
#define NMS_OPTIONS_USE_LIST 0x00000004u /* the images of each batch are those of its list */
#define NMS_IMAGE_BASE_LO 0x070u /* rw: Address of the first image, a multiple of bus_bytes; bits 31 to 0 */
#define NMS_IMAGE_BASE_HI 0x074u /* rw: Address of the first image, a multiple of bus_bytes; bits 63 to 32 */
#define NMS_IMAGE_STRIDE 0x078u /* rw: Bytes from an image to the next, a multiple of bus_bytes */
#define NMS_BATCH_STRIDE 0x07cu /* rw: Bytes from a batch's images to the next's, a multiple of bus_bytes */
#define NMS_RESULT_BASE_LO 0x080u /* rw: Address of the first batch's results, a multiple of bus_bytes; bits 31 to 0 */
#define NMS_RESULT_BASE_HI 0x084u /* rw: Address of the first batch's results, a multiple of bus_bytes; bits 63 to 32 */
#define NMS_RESULT_STRIDE 0x088u /* rw: Bytes from a batch's results to the next's, a multiple of bus_bytes */
#define NMS_TABLE 0x090u /* rw, always: Table that data reads */
#define NMS_TABLE_INDEX 0x0000000fu /* 0 DISTANCE, 1 MINIMUM, 2 SCALE, 3 TIES, 4 MANTISSA, 5 EXPONENT, 6 PERPLEXITY, 7 GENERATIONS, 8 STATUS, 9 AFFINITY, 10 EMBEDDING_INIT, 11 EMBEDDING, 12 ENTROPY, 13 EVALUATIONS, 14 STANDING */
#define NMS_ROW 0x094u /* rw, always: Row that data reads */
#define NMS_COLUMN 0x098u /* rw, always: Column that data reads */
#define NMS_DATA_LO 0x0a0u /* ro: The table's value, bits 31 to 0. Reading moves on: to the next row of a vector, the next column, after the last (count - 1; of points 1) the next row. Only while not busy */
#define NMS_DATA_HI 0x0a4u /* ro: Bits 63 to 32 of the value that data_lo gave last, sign-extended */
#define NMS_LIST_BASE_LO 0x0b0u /* rw: Address of the first batch's list, a multiple of bus_bytes: N numbers of 4 bytes, the image with number n lies at image_base + n * image_stride; bits 31 to 0 */
#define NMS_LIST_BASE_HI 0x0b4u /* rw: Address of the first batch's list, a multiple of bus_bytes: N numbers of 4 bytes, the image with number n lies at image_base + n * image_stride; bits 63 to 32 */
#define NMS_LIST_STRIDE 0x0b8u /* rw: Bytes from a batch's list to the next's, a multiple of bus_bytes */
#define NMS_SHAPE 0x0c0u /* rw: Size of an image in memory, if it is reduced */
#define NMS_SHAPE_HEIGHT 0x00001fffu /* rows: 1 to 4096 */
#define NMS_SHAPE_WIDTH 0x1fff0000u /* pixels of a row: 1 to 4096 */
#define NMS_REDUCTION 0x0c4u /* rw: What images are reduced to */
#define NMS_REDUCTION_SIDE 0x0000003fu /* of the grid: 4, 8, 16 or 32, up to method.side; 0: images as they are */
#define NMS_REDUCTION_CHANNELS 0x00000300u /* bytes of a pixel: 1 or 3 */
#define NMS_REDUCTION_PLANES 0x00010000u /* channels lie one after the other, each whole */
#define NMS_REDUCTION_GREY 0x01000000u /* reduce the channels of a pixel to one; not with planes */
#define NMS_PICK 0x0c8u /* rw: What of a batch is kept */
#define NMS_PICK_INDEX 0x000000ffu /* 0 centre, 1 medoid, 2 hub, 3 neighbour, 4 herding; herding has 4 alone, desne all but 4 */
#define NMS_EVALUATIONS 0x0ccu /* rw: What the search may do */
#define NMS_EVALUATIONS_MOST 0x000000ffu /* evaluations of a row: 1 to 15 */
#define NMS_METHOD 0x0d0u /* ro: What the hardware does */
#define NMS_METHOD_INDEX 0x000000ffu /* 0 desne, 1 herding, 2 lean */
#define NMS_METHOD_SIDE 0x0000ff00u /* largest side of the grid to which images are reduced; 0: none are */
#define NMS_METHOD_WINDOW 0x01ff0000u /* standing images that one can be compared with; 0: none is removed */
#define NMS_METHOD_PICKS 0x02000000u /* of a map not only the centre is picked */
#define NMS_METHOD_NARROW 0x04000000u /* addresses on m_axi have 32 bits, not 64 */
#define NMS_DUPLICATES 0x0d4u /* rw: Which images count as near-duplicates and are left out */
#define NMS_DUPLICATES_THRESHOLD 0x000000ffu /* 256ths of the squared norm of a profile; 0 leaves none out */
#define NMS_DUPLICATES_WINDOW 0x0001ff00u /* standing images that one is compared with: 1 to method.window */
#define NMS_DUPLICATES_ACROSS 0x01000000u /* those of the batches before count */
#define NMS_CYCLES_LOAD_LO 0x100u /* ro: Cycles of phase LOAD in the last batch; bits 31 to 0 */
#define NMS_CYCLES_LOAD_HI 0x104u /* ro: Cycles of phase LOAD in the last batch; bits 63 to 32 */
#define NMS_CYCLES_DISTANCE_LO 0x108u /* ro: Cycles of phase DISTANCE in the last batch; bits 31 to 0 */
#define NMS_CYCLES_DISTANCE_HI 0x10cu /* ro: Cycles of phase DISTANCE in the last batch; bits 63 to 32 */
#define NMS_CYCLES_SEARCH_LO 0x110u /* ro: Cycles of phase SEARCH in the last batch; bits 31 to 0 */
#define NMS_CYCLES_SEARCH_HI 0x114u /* ro: Cycles of phase SEARCH in the last batch; bits 63 to 32 */
#define NMS_CYCLES_AFFINITY_LO 0x118u /* ro: Cycles of phase AFFINITY in the last batch; bits 31 to 0 */
#define NMS_CYCLES_AFFINITY_HI 0x11cu /* ro: Cycles of phase AFFINITY in the last batch; bits 63 to 32 */
#define NMS_CYCLES_EMBED_LO 0x120u /* ro: Cycles of phase EMBED in the last batch; bits 31 to 0 */
#define NMS_CYCLES_EMBED_HI 0x124u /* ro: Cycles of phase EMBED in the last batch; bits 63 to 32 */
#define NMS_CYCLES_GRID_LO 0x128u /* ro: Cycles of phase GRID in the last batch; bits 31 to 0 */
#define NMS_CYCLES_GRID_HI 0x12cu /* ro: Cycles of phase GRID in the last batch; bits 63 to 32 */
#define NMS_CYCLES_EMIT_LO 0x130u /* ro: Cycles of phase EMIT in the last batch; bits 31 to 0 */
#define NMS_CYCLES_EMIT_HI 0x134u /* ro: Cycles of phase EMIT in the last batch; bits 63 to 32 */
#define NMS_CYCLES_PICK_LO 0x138u /* ro: Cycles of phase PICK in the last batch; bits 31 to 0 */
#define NMS_CYCLES_PICK_HI 0x13cu /* ro: Cycles of phase PICK in the last batch; bits 63 to 32 */
#define NMS_TRIALS_LO 0x140u /* ro: Candidates that the search of the last batch evaluated; bits 31 to 0 */
#define NMS_TRIALS_HI 0x144u /* ro: Candidates that the search of the last batch evaluated; bits 63 to 32 */
#define NMS_CYCLES_JOB_LO 0x148u /* ro: Cycles of the last job, from start to its end; bits 31 to 0 */
#define NMS_CYCLES_JOB_HI 0x14cu /* ro: Cycles of the last job, from start to its end; bits 63 to 32 */
#define NMS_READ_WAITS_LO 0x150u /* ro: Cycles of the last job in which reads were under way and m_axi gave no data; bits 31 to 0 */
#define NMS_READ_WAITS_HI 0x154u /* ro: Cycles of the last job in which reads were under way and m_axi gave no data; bits 63 to 32 */
#define NMS_WRITE_WAITS_LO 0x158u /* ro: Cycles of the last job in which m_axi did not take write data that was offered; bits 31 to 0 */
#define NMS_WRITE_WAITS_HI 0x15cu /* ro: Cycles of the last job in which m_axi did not take write data that was offered; bits 63 to 32 */
#define NMS_STREAM_WAITS_LO 0x160u /* ro: Cycles of the last job in which m_axis did not take a beat that was offered; bits 31 to 0 */
#define NMS_STREAM_WAITS_HI 0x164u /* ro: Cycles of the last job in which m_axis did not take a beat that was offered; bits 63 to 32 */
#define NMS_BYTES_READ_LO 0x168u /* ro: Bytes that m_axi has read in the last job, whole beats; bits 31 to 0 */
#define NMS_BYTES_READ_HI 0x16cu /* ro: Bytes that m_axi has read in the last job, whole beats; bits 63 to 32 */
#define NMS_BYTES_WRITTEN_LO 0x170u /* ro: Bytes that m_axi has written in the last job; bits 31 to 0 */
#define NMS_BYTES_WRITTEN_HI 0x174u /* ro: Bytes that m_axi has written in the last job; bits 63 to 32 */
#define NMS_BYTES_SENT_LO 0x178u /* ro: Bytes that m_axis has sent in the last job; bits 31 to 0 */
#define NMS_BYTES_SENT_HI 0x17cu /* ro: Bytes that m_axis has sent in the last job; bits 63 to 32 */
#define NMS_BYTES_FETCHED_LO 0x180u /* ro: Bytes of bytes_read that were read again to be sent; bits 31 to 0 */
#define NMS_BYTES_FETCHED_HI 0x184u /* ro: Bytes of bytes_read that were read again to be sent; bits 63 to 32 */
#define NMS_STANDING_LO 0x188u /* ro: Images of the last batch that are no near-duplicates; bits 31 to 0 */
#define NMS_STANDING_HI 0x18cu /* ro: Images of the last batch that are no near-duplicates; bits 63 to 32 */
#define NMS_IDENTITY_VALUE 0x4e4d5331u

/* The value of a field that is one: field values are multiples of it. */
#define NMS_LOWEST(mask) ((mask) & (0u - (mask)))

enum nms_method {
    NMS_DESNE = 0,
    NMS_HERDING = 1,
    NMS_LEAN = 2
};

enum nms_pick {
    NMS_PICK_CENTRE = 0,
    NMS_PICK_MEDOID = 1,
    NMS_PICK_HUB = 2,
    NMS_PICK_NEIGHBOUR = 3,
    NMS_PICK_HERDING = 4
};

enum nms_error {
    NMS_ERROR_NONE = 0,
    NMS_ERROR_SETTING = 1,
    NMS_ERROR_READ_SLVERR = 2,
    NMS_ERROR_READ_DECERR = 3,
    NMS_ERROR_WRITE_SLVERR = 4,
    NMS_ERROR_WRITE_DECERR = 5,
    NMS_ERROR_ABORTED = 6
};

enum nms_event {
    NMS_EVENT_DONE = 1,
    NMS_EVENT_ERROR = 2,
    NMS_EVENT_ABORTED = 4
};

enum nms_table {
    NMS_TABLE_DISTANCE = 0,
    NMS_TABLE_MINIMUM = 1,
    NMS_TABLE_SCALE = 2,
    NMS_TABLE_TIES = 3,
    NMS_TABLE_MANTISSA = 4,
    NMS_TABLE_EXPONENT = 5,
    NMS_TABLE_PERPLEXITY = 6,
    NMS_TABLE_GENERATIONS = 7,
    NMS_TABLE_STATUS = 8,
    NMS_TABLE_AFFINITY = 9,
    NMS_TABLE_EMBEDDING_INIT = 10,
    NMS_TABLE_EMBEDDING = 11,
    NMS_TABLE_ENTROPY = 12,
    NMS_TABLE_EVALUATIONS = 13,
    NMS_TABLE_STANDING = 14
};

struct nms_row {
    uint64_t mantissa; /* M of beta2 = M * 2^(exponent - scale), raw */
    int8_t exponent; /* q, signed */
    uint8_t scale; /* L */
    uint8_t status; /* how the search ended: 0 SOLVED, 1 INFEASIBLE, 2 SATURATED, 3 UNCONVERGED */
    uint8_t generations; /* generations of the search; of the method lean its evaluations */
    uint32_t reserved; /* 0 */
};

struct nms_point {
    int32_t x, y; /* raw */
};

#endif
