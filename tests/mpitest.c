/* mpitest.c - an MPI program for tests; compiled by t-mpi.bats with each MPI's mpicc
 *
 *   mpitest hello         each rank says its number, and rank 0 the library
 *   mpitest ring          a token goes round, three times
 *   mpitest collectives   each operation against what it must give
 *   mpitest split         node-local communicators: how many there are
 *   mpitest abort CODE    the last rank aborts, the others wait for ever
 *   mpitest die CODE      the last rank exits without MPI_Finalize, the others wait
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_RANKS = 256, BIG = 100000 };

static int rank;
static int size;

static void check (int ok, const char *what)
{
    if (ok)
        return;
    fprintf (stderr, "mpitest: rank %d: %s is wrong\n", rank, what);
    MPI_Abort (MPI_COMM_WORLD, 3);
}

static int hello (void)
{
    char lib[MPI_MAX_LIBRARY_VERSION_STRING];
    int len;

    MPI_Get_library_version (lib, &len);
    printf ("hello from %d of %d\n", rank, size);
    if (rank == 0)
        printf ("%s\n", strncmp (lib, "Open MPI", 8) == 0 ? "Open MPI" : "MPICH");
    return 0;
}

static int ring (void)
{
    int token = 0;

    for (int round = 0; round < 3 && size > 1; round++) {
        if (rank == 0) {
            token++;
            MPI_Send (&token, 1, MPI_INT, 1, 0, MPI_COMM_WORLD);
            MPI_Recv (&token, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
        else {
            MPI_Recv (&token, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            token++;
            MPI_Send (&token, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
        }
    }
    if (rank == 0) {
        check (size == 1 || token == 3 * size, "the token");
        printf ("ring ok\n");
    }
    return 0;
}

static void reductions (void)
{
    int sum = 0;
    int prefix = 0;
    int max = 0;

    MPI_Allreduce (&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    check (sum == size * (size - 1) / 2, "MPI_Allreduce");
    MPI_Scan (&rank, &prefix, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    check (prefix == rank * (rank + 1) / 2, "MPI_Scan");
    MPI_Reduce (&rank, &max, 1, MPI_INT, MPI_MAX, size - 1, MPI_COMM_WORLD);
    check (rank != size - 1 || max == size - 1, "MPI_Reduce");
}

static void exchanges (void)
{
    int out[MAX_RANKS];
    int in[MAX_RANKS];

    for (int i = 0; i < size; i++)
        out[i] = rank * 1000 + i;
    MPI_Alltoall (out, 1, MPI_INT, in, 1, MPI_INT, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++)
        check (in[i] == i * 1000 + rank, "MPI_Alltoall");
    MPI_Allgather (&rank, 1, MPI_INT, in, 1, MPI_INT, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++)
        check (in[i] == i, "MPI_Allgather");
}

static void broadcast (void)
{
    int *big = malloc (BIG * sizeof (*big));

    for (int i = 0; i < BIG; i++)
        big[i] = rank == 0 ? i : -1;
    MPI_Bcast (big, BIG, MPI_INT, 0, MPI_COMM_WORLD);
    for (int i = 0; i < BIG; i++)
        check (big[i] == i, "MPI_Bcast");
    free (big);
}

static int collectives (void)
{
    check (size <= MAX_RANKS, "the size");
    reductions ();
    exchanges ();
    broadcast ();
    MPI_Barrier (MPI_COMM_WORLD);
    if (rank == 0)
        printf ("collectives ok\n");
    return 0;
}

static int split (void)
{
    MPI_Comm node;
    int local;
    int nodes;
    int first;

    MPI_Comm_split_type (MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node);
    MPI_Comm_rank (node, &local);
    first = local == 0;
    MPI_Allreduce (&first, &nodes, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0)
        printf ("nodes %d\n", nodes);
    MPI_Comm_free (&node);
    return 0;
}

static int leave (const char *how, int code)
{
    MPI_Barrier (MPI_COMM_WORLD);
    if (rank == size - 1 && strcmp (how, "abort") == 0)
        MPI_Abort (MPI_COMM_WORLD, code);
    if (rank == size - 1)
        _exit (code);
    for (;;)
        pause ();
}

static int run (int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "hello";

    if (strcmp (what, "hello") == 0)
        return hello ();
    if (strcmp (what, "ring") == 0)
        return ring ();
    if (strcmp (what, "collectives") == 0)
        return collectives ();
    if (strcmp (what, "split") == 0)
        return split ();
    if (argc > 2)
        return leave (what, atoi (argv[2]));
    fprintf (stderr, "mpitest: what is '%s'?\n", what);
    return 1;
}

int main (int argc, char **argv)
{
    int rc;

    MPI_Init (&argc, &argv);
    MPI_Comm_rank (MPI_COMM_WORLD, &rank);
    MPI_Comm_size (MPI_COMM_WORLD, &size);
    rc = run (argc, argv);
    MPI_Finalize ();
    return rc;
}
