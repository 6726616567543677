/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONSOLE_H
#define CONSOLE_H

/* Prints a text; %u, %d and %x are numbers of 32 bits, %s a text. */
void print(const char *format, ...);

/* Returns when all that was printed has left. */
void print_end(void);

#endif
