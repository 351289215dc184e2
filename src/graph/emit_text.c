/* emit_text.c - the whole graph for programs that draw: dot and GraphML
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "graph/emit_private.h"

static void add_escaped (struct buf *b, const char *s, bool xml)
{
    for (; *s; s++) {
        if (xml && strchr ("<>&\"", *s))
            buf_adds (b, *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : *s == '&' ? "&amp;" : "&quot;");
        else if (!xml && (*s == '"' || *s == '\\'))
            buf_addf (b, "\\%c", *s);
        else
            buf_addc (b, *s);
    }
}

static void dot_edge (void *arg, const struct graph *g, uint32_t src, uint32_t dst,
                      const char *subsystem, const char *relation)
{
    struct buf *b = arg;

    buf_addf (b, "%u->%u [label=\"", src, dst);
    add_escaped (b, relation, false);
    buf_adds (b, "\"];\n");
}

int emit_graph_dot (const struct graph *g, struct buf *b)
{
    char name[1024];

    buf_adds (b, "digraph G {\n");
    for (uint32_t v = 0; v < graph_count (g); v++) {
        graph_name (g, v, name, sizeof (name));
        buf_addf (b, "%u [label=\"", v);
        add_escaped (b, name, false);
        buf_adds (b, "\"];\n");
    }
    emit_each_edge (g, dot_edge, b);
    buf_adds (b, "}\n");
    return b->failed ? -ENOMEM : 0;
}

static void data (struct buf *b, const char *key, const char *value)
{
    buf_addf (b, "<data key=\"%s\">", key);
    add_escaped (b, value, true);
    buf_adds (b, "</data>");
}

static void data_n (struct buf *b, const char *key, int64_t n)
{
    buf_addf (b, "<data key=\"%s\">%lld</data>", key, (long long)n);
}

static void graphml_vertex (struct buf *b, const struct graph *g, uint32_t v)
{
    char s[4096];

    buf_addf (b, "<node id=\"n%u\">", v);
    data (b, "type", graph_type (g, v));
    data (b, "basename", graph_basename (g, v));
    graph_name (g, v, s, sizeof (s));
    data (b, "name", s);
    data_n (b, "id", graph_id (g, v));
    data_n (b, "size", graph_size (g, v));
    data (b, "unit", graph_unit (g, v));
    data_n (b, "rank", graph_rank (g, v));
    data (b, "subsystem", graph_subsystem (g, v));
    graph_path (g, v, s, sizeof (s));
    data (b, "path", s);
    data (b, "status", graph_is_up (g, v) ? "up" : "down");
    buf_adds (b, "</node>\n");
}

static void graphml_edge (void *arg, const struct graph *g, uint32_t src, uint32_t dst,
                          const char *subsystem, const char *relation)
{
    struct buf *b = arg;

    buf_addf (b, "<edge source=\"n%u\" target=\"n%u\">", src, dst);
    data (b, "e_subsystem", subsystem);
    data (b, "relation", relation);
    buf_adds (b, "</edge>\n");
}

int emit_graph_graphml (const struct graph *g, struct buf *b)
{
    static const char *const keys[][3] = {
        { "node", "type", "string" }, { "node", "basename", "string" },
        { "node", "name", "string" }, { "node", "id", "long" }, { "node", "size", "long" },
        { "node", "unit", "string" }, { "node", "rank", "int" },
        { "node", "subsystem", "string" }, { "node", "path", "string" },
        { "node", "status", "string" }, { "edge", "e_subsystem", "string" },
        { "edge", "relation", "string" },
    };

    buf_adds (b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n");
    for (size_t i = 0; i < sizeof (keys) / sizeof (keys[0]); i++)
        buf_addf (b, "<key id=\"%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n",
                  keys[i][1], keys[i][0], keys[i][1], keys[i][2]);
    buf_adds (b, "<graph id=\"G\" edgedefault=\"directed\">\n");
    for (uint32_t v = 0; v < graph_count (g); v++)
        graphml_vertex (b, g, v);
    emit_each_edge (g, graphml_edge, b);
    buf_adds (b, "</graph>\n</graphml>\n");
    return b->failed ? -ENOMEM : 0;
}
