/* record.h - what the table knows about a finished job, as one line of JSON
 *
 *   [id, urgency, .., [times], ranks, nodelist, .., name, cwd, .., annotations]
 *
 * A line that does not have just this form is refused: the job is then read from
 * its directory in the KVS, as it would be without the line.
 */
#ifndef JOB_RECORD_H
#define JOB_RECORD_H

#include "modules/job/table.h"

/* Append the line of an inactive job without active part, with its newline.
 * 0 or -EINVAL: a text in it is not UTF-8 (or there is no memory); b is as it was. */
int record_encode (const struct job *job, struct buf *b);

/* Add the job of a line (len bytes, newline or not) to the table: inactive, counted, on
 * its list, job->record 0.  0, or a negative errno with err->text: -EINVAL malformed,
 * -EEXIST the table has it, -ENOMEM. */
int record_decode (struct jobtab *t, const char *line, size_t len, struct job **jobp,
                   flux_error_t *err);

#endif /* !JOB_RECORD_H */
