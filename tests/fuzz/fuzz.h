/* fuzz.h - what a fuzz target is
 *
 * fuzz_NAME.c defines LLVMFuzzerTestOneInput(), the interface of libFuzzer, and
 * has seeds/NAME/ for inputs to start from.  Linked with standalone.c it runs
 * those and mutations of them, with any compiler.  With clang:
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_NAME.c
 *   ./a.out seeds/NAME
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Unlike assert(), not for NDEBUG to remove. */
#define FUZZ_CHECK(expr)                                                      \
    do {                                                                      \
        if (!(expr)) {                                                        \
            fprintf (stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__,       \
                     #expr);                                                  \
            abort ();                                                         \
        }                                                                     \
    } while (0)

#endif /* !FUZZ_H */
