/* tree_private.h - the inside of nodes, shared by tree.c and tdir.c only */
#ifndef KVS_TREE_PRIVATE_H
#define KVS_TREE_PRIVATE_H

#include "modules/kvs/tree.h"

enum { TBLOCK = 16 };  /* beside enum tnode_kind */

/* Starts every node and every block of a directory. */
struct thead {
    uint32_t refs;
    uint8_t kind;
    struct thead *link;  /* of the dead, and nothing else */
};

struct tname {
    uint32_t refs;
    uint32_t len;
    char s[];
};

struct tslot {
    struct tname *name;  /* in an inner block: not above any name in p */
    void *p;             /* struct tnode in a leaf, struct tblock else */
};

enum { TBLOCK_MAX = 32 };

struct tblock {
    struct thead hd;
    uint16_t count;
    uint16_t cap;
    bool leaf;
    struct tslot slot[];
};

struct tchunk {
    uint32_t refs;
    struct tchunk *prev;
    size_t prev_len;  /* bytes of prev before us: others may have gone on in it */
    size_t used;
    size_t cap;
    char data[];
};

struct tval {
    char *ref;
    size_t len;
    uint64_t lineage;
    bool is_inline;
    union {
        struct {
            struct tchunk *tail;
            size_t in_tail;  /* bytes of tail that are ours */
        };
        char data[1];
    };
};

struct tdir {
    char *ref;
    struct tblock *root;  /* NULL: empty */
    size_t count;
};

struct tlink {
    size_t ns;            /* where it is in text, 0: none */
    char text[1];
};

struct tref {
    bool dir;
    size_t count;
    char text[1];
};

struct tcold {
    uint64_t id;
    struct tnode *mem;
    struct tcold_owner *owner;
    uint8_t digest_len;
    unsigned char digest[32];
};

struct tnode {
    struct thead hd;
    union {
        struct tval val;
        struct tdir dir;
        struct tlink lnk;
        struct tref ref;
        struct tcold cold;
    };
};

/* Zeroed memory of this thread's trees. */
void *tmem_alloc (size_t size);
void tmem_free (void *p, size_t size);

static inline size_t tblock_size (size_t cap)
{
    return sizeof (struct tblock) + cap * sizeof (struct tslot);
}

static inline size_t tname_size (size_t len)
{
    return sizeof (struct tname) + len + 1;
}

static inline void tname_unref (struct tname *name)
{
    if (name && --name->refs == 0)
        tmem_free (name, tname_size (name->len));
}

static inline void tblock_free (struct tblock *b)
{
    tmem_free (b, tblock_size (b->cap));
}

/* Allocated with 'size' bytes only, which may be less than sizeof (tnode). */
struct tnode *tnode_alloc (int kind, size_t size);
void thead_unref (struct thead *hd);

#endif /* !KVS_TREE_PRIVATE_H */
