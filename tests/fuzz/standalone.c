/* standalone.c - run a fuzz target without libFuzzer
 *
 * Usage: fuzz_NAME [-runs=N] [-seed=N] [-keep=FILE] FILE|DIRECTORY...
 *
 * Gives each file to the target, then N mutations of them.  The mutations
 * depend on nothing but the seed and the files.  The input at hand is written
 * to the file of -keep before it is tried, so that one that crashes is there
 * to be tried again.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_SIZE 65536
#define MAX_SEEDS 1000

struct input {
    uint8_t *data;
    size_t size;
};

static struct input seeds[MAX_SEEDS];
static size_t nseeds;
static uint64_t rnd_state = 1;
static const char *keep;

static uint64_t rnd (uint64_t n)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return n > 0 ? (rnd_state >> 11) % n : 0;
}

/* In a block of its exact size, so that the sanitizer sees any step over. */
static void try (const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc (size > 0 ? size : 1);

    FUZZ_CHECK (copy != NULL);
    memcpy (copy, data, size);
    if (keep) {
        FILE *f = fopen (keep, "w");
        FUZZ_CHECK (f && fwrite (data, 1, size, f) == size && fclose (f) == 0);
    }
    LLVMFuzzerTestOneInput (copy, size);
    free (copy);
}

static size_t insert (uint8_t *buf, size_t size, size_t at, const uint8_t *data,
                      size_t len)
{
    if (size + len > INPUT_SIZE)
        return size;
    memmove (buf + at + len, buf + at, size - at);
    memcpy (buf + at, data, len);
    return size + len;
}

static size_t mutate_once (uint8_t *buf, size_t size)
{
    static const char special[] = "0123456789-,[]{}.\"'\\\n\r\t =:#_+eTZfx";
    uint8_t copy[64];
    size_t at = rnd (size + 1);
    size_t len = 1 + rnd (16);
    const struct input *other = &seeds[rnd (nseeds)];
    uint8_t c = rnd (3) ? (uint8_t)special[rnd (sizeof (special) - 1)]
                        : (uint8_t)rnd (256);

    switch (rnd (7)) {
        case 0: /* insert a byte */
            return insert (buf, size, at, &c, 1);
        case 1: /* change one */
            if (at < size)
                buf[at] = c;
            return size;
        case 2: /* flip a bit */
            if (at < size)
                buf[at] ^= (uint8_t)(1 << rnd (8));
            return size;
        case 3: /* cut a piece out */
            if (len > size - at)
                len = size - at;
            memmove (buf + at, buf + at + len, size - at - len);
            return size - len;
        case 4: /* repeat a piece */
            if (len > size - at)
                len = size - at;
            memcpy (copy, buf + at, len);
            return insert (buf, size, rnd (size + 1), copy, len);
        case 5: /* a piece of another seed */
            if (other->size == 0)
                return size;
            size_t from = rnd (other->size);
            if (len > other->size - from)
                len = other->size - from;
            return insert (buf, size, at, other->data + from, len);
        default: /* cut the end off */
            return rnd (4) ? size : at;
    }
}

static void try_mutation (void)
{
    static uint8_t buf[INPUT_SIZE];
    const struct input *seed = &seeds[rnd (nseeds)];
    size_t size = seed->size;

    memcpy (buf, seed->data, size);
    for (uint64_t n = 1 + rnd (8); n > 0; n--)
        size = mutate_once (buf, size);
    try (buf, size);
}

static void add_file (const char *path)
{
    static uint8_t buf[INPUT_SIZE];
    FILE *f = fopen (path, "r");

    if (!f || nseeds == MAX_SEEDS) {
        fprintf (stderr, "%s: %s\n", path, f ? "too many" : strerror (errno));
        exit (1);
    }
    size_t size = fread (buf, 1, sizeof (buf), f);
    fclose (f);
    struct input *in = &seeds[nseeds++];
    in->size = size;
    in->data = malloc (size > 0 ? size : 1);
    FUZZ_CHECK (in->data != NULL);
    memcpy (in->data, buf, size);
}

static void add_path (const char *path)
{
    struct dirent **entries;
    int n = scandir (path, &entries, NULL, alphasort);

    if (n < 0) {
        add_file (path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char name[PATH_MAX];
        if (entries[i]->d_name[0] != '.'
            && snprintf (name, sizeof (name), "%s/%s", path,
                         entries[i]->d_name) < (int)sizeof (name))
            add_file (name);
        free (entries[i]);
    }
    free (entries);
}

static bool number (const char *arg, const char *prefix, uint64_t *n)
{
    size_t len = strlen (prefix);

    if (strncmp (arg, prefix, len) != 0)
        return false;
    *n = strtoull (arg + len, NULL, 10);
    return true;
}

int main (int argc, char **argv)
{
    uint64_t runs = 10000;
    uint64_t seed = 1;

    for (int i = 1; i < argc; i++) {
        if (number (argv[i], "-runs=", &runs)
            || number (argv[i], "-seed=", &seed))
            continue;
        if (strncmp (argv[i], "-keep=", 6) == 0)
            keep = argv[i] + 6;
        else
            add_path (argv[i]);
    }
    if (nseeds == 0) {
        fprintf (stderr, "no inputs\n");
        return 1;
    }
    rnd_state = seed * 0x9e3779b97f4a7c15ULL | 1;
    for (size_t i = 0; i < nseeds; i++)
        try (seeds[i].data, seeds[i].size);
    for (uint64_t i = 0; i < runs; i++)
        try_mutation ();
    printf ("%zu inputs and %llu mutations of them\n", nseeds,
            (unsigned long long)runs);
    for (size_t i = 0; i < nseeds; i++)
        free (seeds[i].data);
    return 0;
}
