/* clique.c - which ranks of the program are on this node
 */
#include <errno.h>
#include <stdlib.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "pmi/client.h"
#include "pmi/clique.h"

static int alone (int rank, int **ranksp, int *countp)
{
    int *ranks = malloc (sizeof (*ranks));

    if (!ranks)
        return -ENOMEM;
    ranks[0] = rank;
    *ranksp = ranks;
    *countp = 1;
    return 0;
}

static int list_ranks (const struct idset *ids, int **ranksp, int *countp)
{
    int *ranks = calloc (idset_count (ids), sizeof (*ranks));
    int n = 0;

    if (!ranks)
        return -ENOMEM;
    for (unsigned int id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id))
        ranks[n++] = (int)id;
    *ranksp = ranks;
    *countp = n;
    return 0;
}

int pmi_clique (struct pmi_client *c, int **ranksp, int *countp)
{
    int rank = pmi_client_rank (c);
    const struct idset *ids = NULL;
    struct taskmap *map = NULL;
    flux_error_t err;
    const char *s;
    int rc = pmi_client_get (c, "PMI_process_mapping", &s, &err);

    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (rc == 0 && (map = taskmap_decode (s, &err)))
        ids = taskmap_taskids (map, taskmap_nodeid (map, rank));
    rc = ids ? list_ranks (ids, ranksp, countp) : alone (rank, ranksp, countp);
    taskmap_destroy (map);
    return rc;
}
