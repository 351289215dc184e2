/* wordlist.c - the words that ids are told in
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/wordlist.h"

enum { FILE_MAX = 1 << 16 };

static struct wordlist *the_list;

/* The length of the word that the line begins with; 0 if it is none. */
static size_t word_length (const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && s[n] >= 'a' && s[n] <= 'z')
        n++;
    return n < WORDLIST_MAX && (n == len || s[n] == '\n' || s[n] == '\r') ? n : 0;
}

static int add_word (struct wordlist *w, struct hash *seen, int i, const char *s, size_t n)
{
    if (n == 0)
        return -EINVAL;
    memcpy (w->word[i], s, n);
    w->word[i][n] = '\0';
    return hash_get (seen, w->word[i]) ? -EINVAL : hash_set (seen, w->word[i], w);
}

int wordlist_parse (struct wordlist *w, const char *text, size_t len, int *linep)
{
    struct hash *seen = hash_new (NULL);
    int i, rc = seen ? 0 : -ENOMEM;

    *linep = 0;
    for (i = 0; rc == 0 && i < WORDLIST_COUNT; i++) {
        const char *nl = memchr (text, '\n', len);
        size_t line = nl ? (size_t)(nl + 1 - text) : len;
        rc = add_word (w, seen, i, text, word_length (text, len));
        text += line;
        len -= line;
    }
    hash_free (seen);
    if (rc == -EINVAL)
        *linep = i;
    return rc;
}

static ssize_t read_file (const char *path, char *buf, size_t size)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    size_t len = 0;

    if (fd < 0)
        return -1;
    while (len < size && (n = read (fd, buf + len, size - len)) > 0)
        len += n;
    close (fd);
    return n < 0 ? -1 : (ssize_t)len;
}

static void read_list (void)
{
    const char *path = getenv ("FLUX_FLUID_WORDS");
    char *buf = path ? malloc (FILE_MAX) : NULL;
    ssize_t len = buf ? read_file (path, buf, FILE_MAX) : -1;
    int line;

    if (len >= 0 && (the_list = malloc (sizeof (*the_list)))
        && wordlist_parse (the_list, buf, len, &line) < 0) {
        free (the_list);
        the_list = NULL;
    }
    free (buf);
}

const struct wordlist *wordlist_get (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once (&once, read_list);
    return the_list;
}

int wordlist_find (const struct wordlist *w, const char *s, size_t len)
{
    for (int i = 0; len < WORDLIST_MAX && i < WORDLIST_COUNT; i++)
        if (strncasecmp (w->word[i], s, len) == 0 && w->word[i][len] == '\0')
            return i;
    return -1;
}
