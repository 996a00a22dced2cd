#if defined(__linux__)
// For affinity masks and names of threads.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#endif
#include <dlfcn.h>
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

void *rk_load_library_on_one_processor(const char *name)
{
#if defined(__linux__)
    cpu_set_t before, single;
    CPU_ZERO(&single);
    // Fails where there are more processors than the mask has bits, and where a sandbox forbids it.
    int is_bound = sched_getaffinity(0, sizeof before, &before) == 0;
    if (is_bound) {
        int first = 0;
        while (!CPU_ISSET(first, &before)) first++;
        CPU_SET(first, &single);
        is_bound = sched_setaffinity(0, sizeof single, &single) == 0;
    }
    void *const library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (is_bound) sched_setaffinity(0, sizeof before, &before);
    return library;
#else
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
#endif
}
