/* test_modhost.c - lives of a built-in service in a thread, also those that go wrong
 */
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/errmsg.h"
#include "broker/modhost.h"
#include "broker/self.h"

static sem_t may_start;       /* start() of "svc" waits for it */
static int starts, stops;     /* the thread's, read when it has reported */

static int svc_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    sem_wait (&may_start);
    starts++;
    if (argc > 0)
        return errmsg (err, -EINVAL, "svc: '%s' is not an option", argv[0]);
    *ctxp = &starts;
    return 0;
}

static void svc_stop (void *ctx)
{
    assert_ptr_equal (ctx, &starts);
    stops++;
}

static const struct builtin svc = { .name = "svc", .thread = "t", .services = "more",
                                    .start = svc_start, .stop = svc_stop };
static const struct builtin *const table[] = { &svc, NULL };
static const struct builtin_data *const no_data[] = { NULL };

struct ctx {
    flux_reactor_t *reactor;
    struct router *r;
    struct self *self;
    struct pubsub *pubsub;
    struct attrs *attrs;
    struct modhost *mh;
    int exits, errnum;
    char error[160];
};

static const flux_conf_t *no_conf (void *arg)
{
    return NULL;
}

static void panic (void *arg, const char *text)
{
    fail_msg ("panic: %s", text);
}

static int setup (void **state)
{
    struct ctx *c = calloc (1, sizeof (*c));
    struct modhost_args args = { .conf = no_conf, .builtins = table, .data = no_data,
                                 .panic = panic };

    starts = stops = 0;
    assert_int_equal (sem_init (&may_start, 0, 0), 0);
    assert_non_null (c);
    assert_non_null (c->reactor = flux_reactor_create (0));
    assert_non_null (c->r = args.router = router_new (0, 1, "ME"));
    assert_non_null (c->self = self_new (c->r, c->reactor));
    args.h = self_handle (c->self);
    assert_non_null (c->pubsub = args.pubsub = pubsub_new (c->r, args.h));
    assert_non_null (c->attrs = args.attrs = attrs_new ());
    assert_non_null (c->mh = modhost_new (&args));
    *state = c;
    return 0;
}

static int teardown (void **state)
{
    struct ctx *c = *state;

    modhost_free (c->mh);
    pubsub_free (c->pubsub);
    attrs_free (c->attrs);
    self_free (c->self);
    router_free (c->r);
    flux_reactor_destroy (c->reactor);
    sem_destroy (&may_start);
    free (c);
    return 0;
}

static void on_exit_cb (struct module *m, void *arg)
{
    struct ctx *c = arg;

    c->exits++;
    c->errnum = m->errnum;
    snprintf (c->error, sizeof (c->error), "%s", m->error.text);
}

static struct module *load (struct ctx *c, int argc, char **argv)
{
    flux_error_t err;
    static const struct modhost_how how = { 0 };
    struct module *m = modhost_load (c->mh, "svc", NULL, &how, argc, argv, &err);

    if (!m)
        fail_msg ("%s", err.text);
    assert_ptr_equal (modhost_find (c->mh, "svc"), m);
    m->on_exit = on_exit_cb;
    m->on_exit_arg = c;
    return m;
}

/* Run the loop until the module is gone, or, if 'm', runs. */
static void await (struct ctx *c, struct module *m)
{
    while (m ? m->status < MODULE_RUNNING : modhost_find (c->mh, "svc") != NULL)
        assert_true (flux_reactor_run (c->reactor, FLUX_REACTOR_ONCE) >= 0);
}

static void test_life (void **state)
{
    struct ctx *c = *state;

    for (int i = 1; i <= 2; i++) {
        struct module *m = load (c, 0, NULL);

        assert_non_null (router_service (c->r, "more"));
        sem_post (&may_start);
        await (c, m);
        modhost_remove (c->mh, m, false);
        await (c, NULL);
        assert_int_equal (c->exits, i);
        assert_int_equal (c->errnum, 0);
        assert_int_equal (starts, i);
        assert_int_equal (stops, i);
        assert_null (router_service (c->r, "more"));
    }
}

static void test_start_fails (void **state)
{
    struct ctx *c = *state;
    char *argv[] = { "colour=red", NULL };

    load (c, 1, argv);
    sem_post (&may_start);
    await (c, NULL);
    assert_int_equal (c->exits, 1);
    assert_int_equal (c->errnum, EINVAL);
    assert_string_equal (c->error, "svc: 'colour=red' is not an option");
    assert_int_equal (stops, 0);
    assert_null (router_service (c->r, "svc"));
}

/* Asked to go while it starts: it comes, and goes. */
static void test_removed_while_it_starts (void **state)
{
    struct ctx *c = *state;
    struct module *m = load (c, 0, NULL);

    modhost_remove (c->mh, m, false);
    modhost_remove (c->mh, m, false);
    sem_post (&may_start);
    await (c, NULL);
    assert_int_equal (c->exits, 1);
    assert_int_equal (c->errnum, 0);
    assert_int_equal (stops, 1);
}

/* The order to stop it finds a service that never came up: it ends once, with what the
 * start had to say. */
static void test_start_fails_while_it_is_removed (void **state)
{
    struct ctx *c = *state;
    char *argv[] = { "colour=red", NULL };

    modhost_remove (c->mh, load (c, 1, argv), false);
    sem_post (&may_start);
    await (c, NULL);
    assert_int_equal (c->exits, 1);
    assert_int_equal (c->errnum, EINVAL);
    assert_string_equal (c->error, "svc: 'colour=red' is not an option");
    assert_int_equal (stops, 0);
    sem_post (&may_start);
    await (c, load (c, 0, NULL));       /* the thread and the name are as before */
    modhost_remove (c->mh, modhost_find (c->mh, "svc"), false);
    await (c, NULL);
    assert_int_equal (c->exits, 2);
    assert_int_equal (stops, 1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
        T (test_life),
        T (test_start_fails),
        T (test_removed_while_it_starts),
        T (test_start_fails_while_it_is_removed),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
