# SPDX-License-Identifier: Apache-2.0
# The first instructions: stack, variables, then main.
    .section .start, "ax"
    .global _start
_start:
    la sp, stack_top
    la a0, data_start
    la a1, data_end
    la a2, data_image
1:  bgeu a0, a1, 2f
    lw a3, 0(a2)
    sw a3, 0(a0)
    addi a0, a0, 4
    addi a2, a2, 4
    j 1b
2:  la a1, variables_end
3:  bgeu a0, a1, 4f
    sw zero, 0(a0)
    addi a0, a0, 4
    j 3b
4:  la a0, on_interrupt
    csrw mtvec, a0
    li a0, 0x800 /* external interrupts; those of the mask and of mstatus alone come through */
    csrw mie, a0
    call main
5:  j 5b
