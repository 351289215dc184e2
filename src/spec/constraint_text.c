/* constraint_text.c - constraint query text (RFC 35) to an RFC 31 object
 *
 *   or   := and { ('|' | '||' | 'or') and }
 *   and  := unary { ['&' | '&&' | 'and'] unary }
 *   unary := 'not' unary | '(' or ')' | ['-'] term
 *
 * One function for each level; each returns a new reference or NULL with the
 * error text filled.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "spec/constraint.h"

#define MAX_DEPTH 64

enum token {
    TOK_END,
    TOK_AND,
    TOK_OR,
    TOK_NOT,
    TOK_OPEN,
    TOK_CLOSE,
    TOK_TERM,
    TOK_ERROR,
};

struct parser {
    const char *text;
    const char *pos;          /* after the current token */
    const char *start;        /* of the current token */
    enum token token;
    bool negated;             /* TOK_TERM that began with '-' */
    struct buf word;          /* TOK_TERM: the text without its quotes */
    ssize_t colon;            /* its first colon outside quotes, or -1 */
    const char *default_op;
    bool job;                 /* conventions of --requires */
    int depth;
    flux_error_t *err;
};

static json_t *parse_or (struct parser *p);

static json_t *fail (struct parser *p, const char *what)
{
    errmsg (p->err, -EINVAL, "constraint '%.60s': column %d: %s", p->text,
            (int)(p->start - p->text) + 1, what);
    errno = EINVAL;
    return NULL;
}

static json_t *nomem (struct parser *p)
{
    errmsg (p->err, -ENOMEM, "out of memory");
    errno = ENOMEM;
    return NULL;
}

static bool is_space (char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* Read quoted text up to its end; false if there is none. */
static bool scan_quoted (struct parser *p)
{
    const char *end = strchr (p->pos + 1, p->pos[0]);

    if (!end)
        return false;
    buf_add (&p->word, p->pos + 1, (size_t)(end - p->pos - 1));
    p->pos = end + 1;
    return true;
}

static enum token scan_word (struct parser *p)
{
    bool quoted = false;

    buf_clear (&p->word);
    p->colon = -1;
    while (*p->pos && !is_space (*p->pos) && !strchr ("&|()", *p->pos)) {
        if (*p->pos == '\'' || *p->pos == '"') {
            quoted = true;
            if (!scan_quoted (p)) {
                fail (p, "missing closing quote");
                return TOK_ERROR;
            }
            continue;
        }
        if (*p->pos == ':' && p->colon < 0)
            p->colon = (ssize_t)p->word.len;
        buf_addc (&p->word, *p->pos++);
    }
    if (!quoted && !p->negated) {
        if (strcmp (p->word.data, "and") == 0)
            return TOK_AND;
        if (strcmp (p->word.data, "or") == 0)
            return TOK_OR;
        if (strcmp (p->word.data, "not") == 0)
            return TOK_NOT;
    }
    return TOK_TERM;
}

static void next_token (struct parser *p)
{
    while (is_space (*p->pos))
        p->pos++;
    p->start = p->pos;
    p->negated = false;
    switch (*p->pos) {
        case '\0':
            p->token = TOK_END;
            return;
        case '&':
        case '|':
            p->token = *p->pos == '&' ? TOK_AND : TOK_OR;
            p->pos += p->pos[1] == p->pos[0] ? 2 : 1;
            return;
        case '(':
        case ')':
            p->token = *p->pos++ == '(' ? TOK_OPEN : TOK_CLOSE;
            return;
        case '-':
            p->negated = true;
            p->pos++;
            break;
    }
    p->token = scan_word (p);
}

static json_t *wrap (struct parser *p, const char *op, json_t *values)
{
    json_t *o = json_object ();

    if (!o || !values || json_object_set_new (o, op, values) < 0) {
        if (!o)
            json_decref (values);
        json_decref (o);
        return nomem (p);
    }
    return o;
}

/* --requires: singular operator names, and comma separated properties. */
static json_t *job_values (char *op, size_t size, const char *operand)
{
    json_t *values;

    if (strcmp (op, "host") == 0 || strcmp (op, "hosts") == 0)
        snprintf (op, size, "hostlist");
    else if (strcmp (op, "rank") == 0)
        snprintf (op, size, "ranks");
    if (strcmp (op, "properties") != 0)
        return json_pack ("[s]", operand);
    if (!(values = json_array ()))
        return NULL;
    while (*operand) {
        size_t len = strcspn (operand, ",");

        if (len > 0
            && json_array_append_new (values, json_stringn (operand, len)) < 0) {
            json_decref (values);
            return NULL;
        }
        operand += len + (operand[len] == ',' ? 1 : 0);
    }
    return values;
}

static json_t *parse_term (struct parser *p)
{
    const char *operand = p->word.data;
    char op[64];
    json_t *values, *o;

    if (p->word.failed)
        return nomem (p);
    if (p->colon >= 0) {
        snprintf (op, sizeof (op), "%.*s", (int)p->colon, p->word.data);
        operand += p->colon + 1;
        if (p->colon == 0 || p->colon >= (ssize_t)sizeof (op))
            return fail (p, "bad operator before ':'");
        if (!*operand)
            return fail (p, "missing operand after ':'");
    }
    else if (p->default_op)
        snprintf (op, sizeof (op), "%s", p->default_op);
    else
        return fail (p, "missing operator: expected OPERATOR:OPERAND");
    if (!*operand)
        return fail (p, "empty term");
    values = p->job ? job_values (op, sizeof (op), operand)
                    : json_pack ("[s]", operand);
    if (!values)
        return fail (p, "term is not valid UTF-8");
    if (!(o = wrap (p, op, values)))
        return NULL;
    if (p->negated) {
        o = json_pack ("{s:[o]}", "not", o);
        if (!o)
            return nomem (p);
    }
    next_token (p);
    return o;
}

static json_t *parse_group (struct parser *p)
{
    json_t *o;

    next_token (p);
    if (!(o = parse_or (p)))
        return NULL;
    if (p->token != TOK_CLOSE) {
        json_decref (o);
        return p->token == TOK_ERROR ? NULL : fail (p, "expected ')'");
    }
    next_token (p);
    return o;
}

static json_t *parse_unary (struct parser *p)
{
    json_t *o = NULL;

    if (++p->depth > MAX_DEPTH)
        return fail (p, "nested too deeply");
    switch (p->token) {
        case TOK_NOT:
            next_token (p);
            if ((o = parse_unary (p)) && !(o = json_pack ("{s:[o]}", "not", o)))
                nomem (p);
            break;
        case TOK_OPEN:
            o = parse_group (p);
            break;
        case TOK_TERM:
            if (p->negated && p->word.len == 0)
                fail (p, "'-' must be followed by a term; use not (...)");
            else
                o = parse_term (p);
            break;
        case TOK_END:
            fail (p, "expected a term, got the end");
            break;
        case TOK_ERROR:
            break;
        default:
            fail (p, "expected a term");
            break;
    }
    p->depth--;
    return o;
}

/* Add 'o' to the operands of 'op' (a new list with the first). */
static json_t *join (struct parser *p, const char *op, json_t *list, json_t *o)
{
    if (!list)
        return json_pack ("{s:[o]}", op, o);
    if (json_array_append_new (json_object_get (list, op), o) < 0) {
        json_decref (list);
        return nomem (p);
    }
    return list;
}

/* operand { separator operand }, where one operand alone stands for itself */
static json_t *parse_chain (struct parser *p, const char *op, enum token sep,
                            json_t *(*parse) (struct parser *p))
{
    json_t *o = parse (p);
    json_t *list = NULL;

    while (o) {
        bool more = p->token == sep
                    || (sep == TOK_AND && (p->token == TOK_TERM
                                           || p->token == TOK_NOT
                                           || p->token == TOK_OPEN));

        if (p->token == TOK_ERROR)
            break;
        if (!more && !list)
            return o;
        if (!(list = join (p, op, list, o)) || !more)
            return list;
        if (p->token == sep)
            next_token (p);
        o = parse (p);
    }
    json_decref (o);
    json_decref (list);
    return NULL;
}

static json_t *parse_and (struct parser *p)
{
    return parse_chain (p, "and", TOK_AND, parse_unary);
}

static json_t *parse_or (struct parser *p)
{
    return parse_chain (p, "or", TOK_OR, parse_and);
}

static json_t *parse (const char *s, const char *default_op, bool job,
                      flux_error_t *err)
{
    struct parser p = { .text = s, .pos = s, .start = s, .word = BUF_INIT,
                        .default_op = default_op, .job = job, .err = err };
    json_t *o;

    next_token (&p);
    if (p.token == TOK_END) {
        buf_release (&p.word);
        return json_object ();
    }
    if ((o = parse_or (&p)) && p.token != TOK_END) {
        json_decref (o);
        o = p.token == TOK_ERROR ? NULL : fail (&p, "unexpected ')'");
    }
    buf_release (&p.word);
    return o;
}

json_t *constraint_parse (const char *s, const char *default_op, flux_error_t *err)
{
    return parse (s ? s : "", default_op, false, err);
}

json_t *constraint_parse_job (const char *s, flux_error_t *err)
{
    return parse (s ? s : "", "properties", true, err);
}
