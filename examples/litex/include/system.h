/* SPDX-License-Identifier: Apache-2.0 */
/* What LiteX's headers ask of a program, and the caches. */
#ifndef SYSTEM_H
#define SYSTEM_H

/* Forgets what VexRiscv's data cache holds; it writes through, so nothing is lost. */
static inline void flush_dcache(void)
{
    __asm__ volatile(".word 0x500f\nnop\nnop\nnop\nnop\nnop\n" ::: "memory");
}

#endif
