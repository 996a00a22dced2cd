#ifndef CPROCESS_H
#define CPROCESS_H

#include <sys/types.h>

/// Starts a program in a folder, in a process group of its own, with default signal handling, without input, and with
/// standard output and error going to these descriptors.
///
/// In C because Swift's Glibc module lacks what GNU adds to POSIX. Returns 0 or an error number.
int rp_spawn(const char *program, char *const arguments[], const char *folder, int output, int errors, pid_t *process);

/// Makes a pipe that child processes do not inherit: reading end, writing end. Returns 0 or an error number.
int rp_pipe(int ends[2]);

#endif
