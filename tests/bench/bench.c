/* bench.c - the table of budgets (ARCHITECTURE.md, "Budgets")
 *
 * Usage: bench FLUX [ROW...]      (normally by "make bench")
 *
 * Measures each row by running the real command as a user would, in one run,
 * beside a bare loop that spawns /bin/true, so that ratios hold on any machine.
 * Rows that need an instance are measured by this program running in one that it
 * started (BENCH_MODE says which).
 */
#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

extern char **environ;

static const char *flux;
static char **wanted;     /* rows named on the command line; NULL: all */

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

static bool want (const char *row)
{
    if (!wanted || !*wanted)
        return true;
    for (char **w = wanted; *w; w++) {
        if (strcmp (*w, row) == 0)
            return true;
    }
    return false;
}

static pid_t start (char *const argv[], bool quiet)
{
    posix_spawn_file_actions_t fa;
    pid_t pid;
    int rc;

    posix_spawn_file_actions_init (&fa);
    if (quiet)
        posix_spawn_file_actions_addopen (&fa, 1, "/dev/null", O_WRONLY, 0);
    rc = posix_spawnp (&pid, argv[0], &fa, NULL, argv, environ);
    posix_spawn_file_actions_destroy (&fa);
    if (rc != 0) {
        fprintf (stderr, "bench: %s: %s\n", argv[0], strerror (rc));
        exit (1);
    }
    return pid;
}

static void reap (pid_t pid, const char *what)
{
    int status;

    if (waitpid (pid, &status, 0) < 0 || status != 0) {
        fprintf (stderr, "bench: %s failed (status %d)\n", what, status);
        exit (1);
    }
}

static void run (char *const argv[])
{
    reap (start (argv, true), argv[1] ? argv[1] : argv[0]);
}

static int by_value (const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Median seconds of n runs. */
static double median_run (int n, char *const argv[])
{
    double t[100];

    for (int i = 0; i < n; i++) {
        double t0 = now ();
        run (argv);
        t[i] = now () - t0;
    }
    qsort (t, n, sizeof (t[0]), by_value);
    return t[n / 2];
}

/* Children of /bin/true per second with 'width' in flight. */
static double bare_loop (int total, int width)
{
    char *argv[] = { "/bin/true", NULL };
    double t0 = now ();
    int flying = 0;
    int status;

    for (int i = 0; i < total; i++) {
        if (flying == width) {
            wait (&status);
            flying--;
        }
        start (argv, true);
        flying++;
    }
    while (flying-- > 0)
        wait (&status);
    return total / (now () - t0);
}

static void row (const char *what, double value, const char *unit,
                 double budget, bool less_is_better)
{
    bool ok = less_is_better ? value <= budget : value >= budget;

    printf ("%-52s %10.1f %-7s budget %8.1f  %s\n", what, value, unit, budget,
            ok ? "ok" : "MISSED");
    fflush (stdout);
}

#define MS 1000.0
#define CMD(...) ((char *const[]){ (char *)flux, __VA_ARGS__, NULL })

static void boot_rows (void)
{
    if (want ("boot1"))
        row ("flux start true, 1 broker",
             median_run (20, CMD ("start", "true")) * MS, "ms", 30, true);
    if (want ("boot16"))
        row ("flux start --test-size=16 true",
             median_run (5, CMD ("start", "--test-size=16", "true")) * MS, "ms", 250, true);
    if (want ("boot64"))
        row ("flux start --test-size=64 true",
             median_run (3, CMD ("start", "--test-size=64", "true")) * MS, "ms", 1000, true);
}

static void command_rows (void)
{
    if (!want ("command"))
        return;
    row ("flux getattr size", median_run (30, CMD ("getattr", "size")) * MS, "ms", 5, true);
    row ("flux jobs", median_run (30, CMD ("jobs")) * MS, "ms", 5, true);
    row ("flux resource list", median_run (30, CMD ("resource", "list")) * MS, "ms", 5, true);
}

static void job_rows (double bare)
{
    double t0;

    if (want ("run"))
        row ("flux run true", median_run (20, CMD ("run", "true")) * MS, "ms", 15, true);
    if (want ("batch")) {
        double t[5];
        for (int i = 0; i < 5; i++) {
            t0 = now ();
            run (CMD ("batch", "-n1", "--output=none", "--wrap", "true"));
            run (CMD ("queue", "drain"));
            t[i] = now () - t0;
        }
        qsort (t, 5, sizeof (t[0]), by_value);
        row ("flux batch -n1 --wrap true, to drained", t[2] * MS, "ms", 100, true);
    }
    if (want ("real")) {
        t0 = now ();
        run (CMD ("submit", "--quiet", "--cc=1-2000", "true"));
        run (CMD ("queue", "drain"));
        row ("real jobs (true), submit to drained", 2000 / (now () - t0), "jobs/s",
             bare / 4, false);
    }
}

/* What a file of /proc/PID says of memory in a line that begins with 'key'; -1: nothing. */
static double proc_mb (long pid, const char *file, const char *key)
{
    char path[64];
    char line[256];
    double kb = -1;
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%ld/%s", pid, file);
    if (!(f = fopen (path, "r")))
        return -1;
    while (kb < 0 && fgets (line, sizeof (line), f)) {
        if (strncmp (line, key, strlen (key)) == 0)
            kb = strtod (line + strlen (key), NULL);
    }
    fclose (f);
    return kb < 0 ? kb : kb / 1024;
}

static double pss_mb (long pid)
{
    return proc_mb (pid, "smaps_rollup", "Pss:");
}

static long broker_pid (void)
{
    FILE *f = popen ("flux getattr broker.pid", "r");
    long pid = 0;

    if (!f || fscanf (f, "%ld", &pid) != 1) {
        fprintf (stderr, "bench: no broker.pid\n");
        exit (1);
    }
    pclose (f);
    return pid;
}

/* Resident memory (Pss) of the broker that this instance's attribute names. */
static double broker_pss_mb (void)
{
    return pss_mb (broker_pid ());
}

static long parent_of (long pid)
{
    char path[64];
    long ppid = -1;
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%ld/stat", pid);
    if ((f = fopen (path, "r")) && fscanf (f, "%*d (%*[^)]) %*c %ld", &ppid) != 1)
        ppid = -1;
    if (f)
        fclose (f);
    return ppid;
}

/* Of all brokers of the host that the same flux start began, the mean. */
static double mean_pss_mb (void)
{
    long starter = parent_of (broker_pid ());
    DIR *proc = opendir ("/proc");
    struct dirent *d;
    double sum = 0;
    int n = 0;

    while (proc && (d = readdir (proc))) {
        long pid = strtol (d->d_name, NULL, 10);
        double mb = pid > 0 && parent_of (pid) == starter ? pss_mb (pid) : -1;
        if (mb < 0)
            continue;
        sum += mb;
        n++;
    }
    if (proc)
        closedir (proc);
    return n > 0 ? sum / n : -1;
}

/* In an instance of many brokers: a job on each, and what they weigh. */
static void inside_many (void)
{
    const char *size = getenv ("BENCH_SIZE");
    char nodes[32], what[80];
    double t0 = now ();

    snprintf (nodes, sizeof (nodes), "-N%s", size);
    run (CMD ("run", nodes, "true"));
    snprintf (what, sizeof (what), "   flux run %s true", nodes);
    printf ("%-52s %10.1f ms\n", what, (now () - t0) * MS);
    printf ("%-52s %10.2f MB\n", "   memory (Pss) per broker", mean_pss_mb ());
}

/* The slowest answer of the broker, in milliseconds, while the child runs. */
static double slowest_ping (pid_t pid, const char *what)
{
    double worst = 0;
    int status = 0;
    char line[256];

    while (waitpid (pid, &status, WNOHANG) == 0) {
        FILE *f = popen ("flux ping --count=20 --interval=0.02 kvs", "r");
        double ms;

        while (f && fgets (line, sizeof (line), f)) {
            char *t = strstr (line, "time=");
            if (t && sscanf (t, "time=%lf", &ms) == 1 && ms > worst)
                worst = ms;
        }
        if (f)
            pclose (f);
    }
    if (status != 0) {
        fprintf (stderr, "bench: %s failed (status %d)\n", what, status);
        exit (1);
    }
    return worst;
}

static void submit_simulated (long njobs)
{
    char cc[64];

    snprintf (cc, sizeof (cc), "--cc=1-%ld", njobs);
    run (CMD ("submit", "--quiet", cc, "--env-remove=*",
              "--setattr=system.exec.test.run_duration=0.0001s", "true"));
}

/* 'total' is what there is then. */
static void simulated (const char *where, long njobs, long total, double budget)
{
    double before = broker_pss_mb ();
    double t0 = now ();
    double dt;
    char what[80];

    submit_simulated (njobs);
    run (CMD ("queue", "drain"));
    dt = now () - t0;
    snprintf (what, sizeof (what), "simulated jobs%s, up to %ld", where, total);
    row (what, njobs / dt, "jobs/s", budget, false);
    row ("   memory of the broker per finished job",
         (broker_pss_mb () - before) * 1024 / njobs, "KB", 2, true);
}

/* Up to 10,000, 100,000, ... in one instance: the rate must stay.  What is loaded
 * once is loaded before. */
static void simulated_rows (const char *where, double budget)
{
    const char *max = getenv ("BENCH_MAX_JOBS");
    long limit = max ? strtol (max, NULL, 10) : 100000;
    long have = 1000;

    submit_simulated (have);
    run (CMD ("queue", "drain"));
    for (long n = 10000; n <= limit; n *= 10) {
        simulated (where, n - have, n, budget);
        have = n;
    }
    submit_simulated (4000);
    row ("   slowest flux ping meanwhile",
         slowest_ping (start (CMD ("queue", "drain"), true), "drain"), "ms", 10, true);
}

/* All of the instance is taken; 10,000 jobs of four sizes wait; then it is free. */
static void pending_rows (const char *where)
{
    static const char *const sizes[] = { "-n1", "-n13", "-n26", "-n39" };
    char what[120];
    double t0;

    run (CMD ("submit", "--quiet", "-N16", "--exclusive", "-t1h", "--wait-event=alloc",
              "--setattr=system.exec.test.run_duration=1h", "true"));
    for (size_t i = 0; i < sizeof (sizes) / sizeof (sizes[0]); i++)
        run (CMD ("submit", "--quiet", "--cc=1-2500", (char *)sizes[i], "-t30m",
                  "--env-remove=*", "--setattr=system.exec.test.run_duration=0.0001s", "true"));
    t0 = now ();
    run (CMD ("cancel", "--quiet", "--states=run"));
    run (CMD ("queue", "drain"));
    snprintf (what, sizeof (what), "10,000 waiting jobs, 4 sizes%s", where);
    row (what, 10000 / (now () - t0), "jobs/s", 4000, false);
}

/* One PMI exchange (put, barrier, get) of 16 tasks a node: the median that task 0 of
 * pmitest, which is beside this program, prints. */
static void exchange_row (int nodes)
{
    char cmd[512];
    char what[80];
    double ms[32];
    int n = 0;
    FILE *f;

    snprintf (cmd, sizeof (cmd), "%s run -N%d -n%d %s/../pmitest bench 15", flux, nodes,
              16 * nodes, getenv ("BENCH_DIR"));
    if (!(f = popen (cmd, "r")))
        exit (1);
    while (n < 32 && fscanf (f, "%lf", &ms[n]) == 1)
        n++;
    if (pclose (f) != 0 || n == 0) {
        fprintf (stderr, "bench: %s failed\n", cmd);
        exit (1);
    }
    qsort (ms, n, sizeof (ms[0]), by_value);
    snprintf (what, sizeof (what), "PMI exchange, %d shells, %d tasks", nodes, 16 * nodes);
    printf ("%-52s %10.1f ms\n", what, ms[n / 2]);
}

static void exchange_rows (void)
{
    for (int nodes = 1; nodes <= 64; nodes *= 8)
        exchange_row (nodes);
}

/* Bytes that do not get smaller. */
static void write_noise (const char *path, size_t size)
{
    FILE *f = fopen (path, "w");
    uint64_t x = 88172645463325252ULL;

    for (size_t i = 0; f && i < size; i += sizeof (x)) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        fwrite (&x, sizeof (x), 1, f);
    }
    if (!f || fclose (f) != 0) {
        perror (path);
        exit (1);
    }
}

/* The most memory that a process had in use so far. */
static double peak_mb (long pid)
{
    return proc_mb (pid, "status", "VmHWM:");
}

/* An archived file to the temporary directories of a job's nodes. */
static void stagein_row (int nodes)
{
    char n[16];
    char what[80];
    double before = peak_mb (broker_pid ());
    double t0;

    write_noise ("noise", 8 << 20);
    run (CMD ("archive", "create", "noise"));
    snprintf (n, sizeof (n), "-N%d", nodes);
    t0 = now ();
    run (CMD ("run", n, "-o", "stage-in", "true"));
    snprintf (what, sizeof (what), "stage-in of 8 MB to %d nodes", nodes);
    printf ("%-52s %10.0f ms      rank 0 peak +%.0f MB\n", what, (now () - t0) * MS,
            peak_mb (broker_pid ()) - before);
    (void)unlink ("noise");
}

static void write_fake_nodes (const char *path)
{
    FILE *f = fopen (path, "w");

    if (!f) {
        perror ("bench: fake nodes");
        exit (1);
    }
    fprintf (f, "[resource]\nnoverify = true\n[[resource.config]]\n"
                "hosts = \"node[0-63]\"\ncores = \"0-15\"\n");
    fclose (f);
}

static void inside (double bare)
{
    if (want ("idle"))
        row ("idle broker, Pss", broker_pss_mb (), "MB", 6, true);
    command_rows ();
    job_rows (bare);
    if (want ("simulated"))
        simulated_rows ("", 4000);
}

/* This program again, in an instance with these options. */
static void in_instance (int argc, char **argv, const char *mode, int nopts, char **opts)
{
    char **inner = calloc (argc + nopts + 3, sizeof (*inner));
    int n = 0;

    if (!inner)
        exit (1);
    inner[n++] = argv[1];
    inner[n++] = "start";
    for (int i = 0; i < nopts; i++)
        inner[n++] = opts[i];
    for (int i = 0; i < argc; i++)
        inner[n++] = argv[i];
    setenv ("BENCH_MODE", mode, 1);
    reap (start (inner, false), "bench in an instance");
    free (inner);
}

/* The same with each scheduler and policy. */
static void pending_modes (int argc, char **argv)
{
    char *fake[] = { "--conf=fake-resources.nnodes=16", "--conf=fake-resources.cores-per-node=64",
                     NULL, "--conf=sched-fluxion-qmanager.queue-params.queue-depth=8192" };
    static const char *const modes[][2] = {
        { "pending fcfs", "--conf=sched-fluxion-qmanager.queue-policy=\"fcfs\"" },
        { "pending easy", "--conf=sched-fluxion-qmanager.queue-policy=\"easy\"" },
        { "pending conservative", "--conf=sched-fluxion-qmanager.queue-policy=\"conservative\"" },
        { "pending sched-simple", "--conf=modules.alternatives.sched=\"sched-simple\"" },
    };

    for (size_t i = 0; i < sizeof (modes) / sizeof (modes[0]); i++) {
        fake[2] = (char *)modes[i][1];
        in_instance (argc, argv, modes[i][0], 4, fake);
    }
}

/* Seconds of those that have ended. */
static double cpu_of_children (void)
{
    struct rusage ru;

    getrusage (RUSAGE_CHILDREN, &ru);
    return ru.ru_utime.tv_sec + ru.ru_stime.tv_sec
           + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void scale_rows (int argc, char **argv)
{
    const char *max = getenv ("BENCH_MAX_BROKERS");
    long last = max ? strtol (max, NULL, 10) : 256;

    for (long size = 16; size <= last; size *= 4) {
        char opt[64], num[32], what[80];
        char *opts[] = { opt };
        double t0 = now (), cpu0 = cpu_of_children ();
        snprintf (opt, sizeof (opt), "--test-size=%ld", size);
        run (CMD ("start", opt, "true"));
        snprintf (what, sizeof (what), "%ld brokers: boot and shut down, per broker", size);
        printf ("%-52s %10.2f ms      CPU %.2f ms\n", what, (now () - t0) * MS / size,
                (cpu_of_children () - cpu0) * MS / size);
        snprintf (num, sizeof (num), "%ld", size);
        setenv ("BENCH_SIZE", num, 1);
        in_instance (argc, argv, "many", 1, opts);
    }
}

int main (int argc, char **argv)
{
    const char *mode = getenv ("BENCH_MODE");
    double bare;
    char arg[64];
    char statedir[] = "-Sstatedir=state";
    char *fake[] = { "--conf=fake-resources.nnodes=16",
                     "--conf=fake-resources.cores-per-node=64" };
    char *state[] = { statedir };
    char *nodes[] = { "--test-size=64", "--test-hosts=node[0-63]", "--config-path=nodes.toml" };

    if (argc < 2) {
        fprintf (stderr, "Usage: bench FLUX [ROW...]\n");
        return 1;
    }
    flux = argv[1];
    wanted = argv + 2;
    if (getenv ("FLUX_URI") && mode) {
        if (strcmp (mode, "fake") == 0)
            simulated_rows (", 16 nodes of 64 cores", 4000);
        else if (strncmp (mode, "pending", 7) == 0) {
            snprintf (arg, sizeof (arg), ",%s", mode + 7);
            pending_rows (arg);
        }
        else if (strcmp (mode, "statedir") == 0)
            simulated_rows (", with a state directory", 2000);
        else if (strcmp (mode, "pmi") == 0) {
            exchange_rows ();
            stagein_row (64);
        }
        else if (strcmp (mode, "many") == 0)
            inside_many ();
        else
            inside (strtod (getenv ("BENCH_BARE"), NULL));
        return 0;
    }
    (void)setvbuf (stdout, NULL, _IOLBF, 0);
    double load = 0; /* all rows are worse beside other work */
    (void)getloadavg (&load, 1);
    bare = bare_loop (2000, 2);
    printf ("%-52s %10.1f\n", "load average before", load);
    printf ("%-52s %10.1f %-7s\n", "bare loop, /bin/true, two in flight", bare, "/s");
    boot_rows ();
    snprintf (arg, sizeof (arg), "%f", bare);
    setenv ("BENCH_BARE", arg, 1);
    in_instance (argc, argv, "plain", 0, NULL);
    if (want ("fake"))
        in_instance (argc, argv, "fake", 2, fake);
    if (want ("pending"))
        pending_modes (argc, argv);
    if (want ("scale"))
        scale_rows (argc, argv);
    if (want ("pmi")) {
        write_fake_nodes ("nodes.toml");
        in_instance (argc, argv, "pmi", 3, nodes);
    }
    if (want ("statedir")) {
        if (mkdir ("state", 0700) < 0) {
            perror ("bench: state");
            return 1;
        }
        in_instance (argc, argv, "statedir", 1, state);
    }
    return 0;
}
