/* job_names.c - names of job states and results; wait status to exit code
 */
#include <flux/core.h>

#include <errno.h>
#include <strings.h>
#include <sys/wait.h>

struct name {
    unsigned value;
    const char *upper;
    const char *lower;
    const char *abbrev;
    const char *abbrev_lower;
};

static const struct name states[] = {
    { FLUX_JOB_STATE_NEW, "NEW", "new", "N", "n" },
    { FLUX_JOB_STATE_DEPEND, "DEPEND", "depend", "D", "d" },
    { FLUX_JOB_STATE_PRIORITY, "PRIORITY", "priority", "P", "p" },
    { FLUX_JOB_STATE_SCHED, "SCHED", "sched", "S", "s" },
    { FLUX_JOB_STATE_RUN, "RUN", "run", "R", "r" },
    { FLUX_JOB_STATE_CLEANUP, "CLEANUP", "cleanup", "C", "c" },
    { FLUX_JOB_STATE_INACTIVE, "INACTIVE", "inactive", "I", "i" },
    { FLUX_JOB_STATE_PENDING, "PENDING", "pending", "PD", "pd" },
    { FLUX_JOB_STATE_RUNNING, "RUNNING", "running", "RU", "ru" },
    { FLUX_JOB_STATE_ACTIVE, "ACTIVE", "active", "A", "a" },
    { 0, "(unknown)", "(unknown)", "?", "?" },
};

static const struct name results[] = {
    { FLUX_JOB_RESULT_COMPLETED, "COMPLETED", "completed", "CD", "cd" },
    { FLUX_JOB_RESULT_FAILED, "FAILED", "failed", "F", "f" },
    { FLUX_JOB_RESULT_CANCELED, "CANCELED", "canceled", "CA", "ca" },
    { FLUX_JOB_RESULT_TIMEOUT, "TIMEOUT", "timeout", "TO", "to" },
    { 0, "(unknown)", "(unknown)", "?", "?" },
};

static const char *to_string (const struct name *tab, unsigned value, const char *fmt)
{
    while (tab->value && tab->value != value)
        tab++;
    switch (fmt ? *fmt : 'L') {
    case 's':
        return tab->abbrev_lower;
    case 'S':
        return tab->abbrev;
    case 'l':
        return tab->lower;
    default:
        return tab->upper;
    }
}

static int from_string (const struct name *tab, const char *s, unsigned *valuep)
{
    for (; s && tab->value; tab++) {
        if (!strcasecmp (s, tab->upper) || !strcasecmp (s, tab->abbrev)) {
            *valuep = tab->value;
            return 0;
        }
    }
    errno = EINVAL;
    return -1;
}

const char *flux_job_statetostr (flux_job_state_t state, const char *fmt)
{
    return to_string (states, state, fmt);
}

const char *flux_job_resulttostr (flux_job_result_t result, const char *fmt)
{
    return to_string (results, result, fmt);
}

int flux_job_strtostate (const char *s, flux_job_state_t *state)
{
    unsigned value;

    if (!state || from_string (states, s, &value) < 0) {
        errno = EINVAL;
        return -1;
    }
    *state = value;
    return 0;
}

int flux_job_strtoresult (const char *s, flux_job_result_t *result)
{
    unsigned value;

    if (!result || from_string (results, s, &value) < 0) {
        errno = EINVAL;
        return -1;
    }
    *result = value;
    return 0;
}

/* A shell that died by a signal, or reports (128 + signal) that a task did. */
static int signal_text (int signum, const char *what, flux_error_t *errp)
{
    if (errp)
        snprintf (errp->text, sizeof (errp->text), "%s %s", what, strsignal (signum));
    return 128 + signum;
}

int flux_job_waitstatus_to_exitcode (int waitstatus, flux_error_t *errp)
{
    int code;

    if (errp)
        errp->text[0] = '\0';
    if (WIFSIGNALED (waitstatus))
        return signal_text (WTERMSIG (waitstatus), "job shell", errp);
    if (!WIFEXITED (waitstatus)) {
        if (errp)
            snprintf (errp->text, sizeof (errp->text),
                      "unexpected wait status 0x%x", (unsigned)waitstatus);
        errno = EINVAL;
        return -1;
    }
    code = WEXITSTATUS (waitstatus);
    if (code > 128 && code < 128 + 65)
        return signal_text (code - 128, "task(s)", errp);
    if (code && errp)
        snprintf (errp->text, sizeof (errp->text), "task(s) exited with exit code %d", code);
    return code;
}
