/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the registers of LiteX's modules, which its generated headers use. */
#ifndef HW_COMMON_H
#define HW_COMMON_H

#include <stdint.h>

static inline void csr_write_simple(unsigned long value, unsigned long address)
{
    *(volatile uint32_t *)address = value;
}

static inline unsigned long csr_read_simple(unsigned long address)
{
    return *(volatile uint32_t *)address;
}

#endif
