/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdarg.h>
#include <stdint.h>

#include <generated/csr.h>

static void put(char character)
{
    while (uart_txfull_read()) {
    }
    uart_rxtx_write(character);
}

static void put_number(uint32_t value, uint32_t base)
{
    char digits[10];
    int count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (count)
        put(digits[--count]);
}

static void put_argument(char kind, va_list *arguments)
{
    if (kind == 's') {
        for (const char *text = va_arg(*arguments, const char *); *text; text++)
            put(*text);
        return;
    }
    uint32_t value = va_arg(*arguments, uint32_t);
    if (kind == 'd' && (int32_t)value < 0) {
        put('-');
        value = -value;
    }
    put_number(value, kind == 'x' ? 16 : 10);
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    for (; *format; format++)
        if (*format == '%')
            put_argument(*++format, &arguments);
        else
            put(*format);
    va_end(arguments);
}

void print_end(void)
{
    while (!uart_txempty_read()) {
    }
}
