#if defined(__linux__)
// Needed for the affinity mask.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#endif
#include <stdio.h>
#include <unistd.h>

#include "CKernels.h"

int rk_available_processors(void)
{
#if defined(__linux__)
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

void rk_name_thread(const char *name)
{
#if defined(__linux__)
    char kept[16];
    snprintf(kept, sizeof kept, "%s", name);
    pthread_setname_np(pthread_self(), kept);
#else
    (void)name;
#endif
}
