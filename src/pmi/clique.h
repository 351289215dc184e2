/* clique.h - which ranks of the program are on this node
 *
 * A client learns it from the key PMI_process_mapping (RFC 13).
 */
#ifndef PMI_CLIQUE_H
#define PMI_CLIQUE_H

struct pmi_client;

/* Ascending, with the caller's own rank among them: *ranksp is to be freed.  Where
 * the server does not know the mapping a process is alone.  0 or negative errno. */
int pmi_clique (struct pmi_client *c, int **ranksp, int *countp);

#endif /* !PMI_CLIQUE_H */
