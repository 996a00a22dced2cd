#include "checks.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

variant variants[4];
size_t variant_count = 0;
const uint32_t untouched_bits = 0x7fc0dead;

// MARK: Cases

static char case_name[160] = "";
static const variant *running = NULL;
static int edge = 0, is_recorded = 0;
static uint64_t recorded;
static size_t failures = 0, cases = 0;
static uint64_t state;

void start_case(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(case_name, sizeof case_name, format, arguments);
    va_end(arguments);
    release(0);
    is_recorded = 0;
    running = NULL;
    cases++;
    state = 88172645463325252u;
    for (const char *c = case_name; *c; c++) state = (state ^ (unsigned char)*c) * 1099511628211u;
}

void start_variant(const variant *v)
{
    running = v;
}

void fail(const char *format, ...)
{
    // The first ones show what is wrong.
    if (failures++ >= 20) return;
    fprintf(stderr, "%s%s%s: ", case_name, running ? ", " : "", running ? running->name : "");
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void record(const variant *v, const float *results, size_t count)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, results + i, sizeof bits);
        for (int byte = 0; byte < 4; byte++) hash = (hash ^ (bits >> 8 * byte & 255)) * 1099511628211u;
    }
    if (is_recorded && hash != recorded) fail("other bits than %s", variants[0].name);
    if (!is_recorded && v == variants) printf("%s: %016llx\n", case_name, (unsigned long long)hash);
    is_recorded = 1;
    recorded = hash;
}

// MARK: Memory

#define MOST_BUFFERS 64
#define BUFFER_FLOATS (1 << 18)

static char *buffers[MOST_BUFFERS];
static size_t used = 0;

float *guarded(size_t count)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = BUFFER_FLOATS * sizeof(float);
    if (used == MOST_BUFFERS || count > BUFFER_FLOATS) {
        fprintf(stderr, "%s: too much memory\n", case_name);
        exit(2);
    }
    char **place = &buffers[used++];
    if (!*place) {
        char *memory = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED || mprotect(memory + page, size, PROT_READ | PROT_WRITE) != 0) {
            perror("mmap");
            exit(2);
        }
        *place = memory + page;
    }
    float *floats = (float *)(edge == 0 ? *place + size - count * sizeof(float) : *place);
    for (size_t i = 0; i < count; i++) memcpy(floats + i, &untouched_bits, sizeof untouched_bits);
    return floats;
}

size_t mark(void)
{
    return used;
}

void release(size_t count)
{
    used = count;
}

int is_untouched(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits == untouched_bits;
}

// MARK: Values

static uint32_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

float *random_floats(size_t count)
{
    float *floats = guarded(count);
    for (size_t i = 0; i < count; i++) floats[i] = (float)(next_random() >> 8) * 0x1p-23f - 1.0f;
    return floats;
}

float *random_integers(size_t count)
{
    float *floats = guarded(count);
    for (size_t i = 0; i < count; i++) floats[i] = (float)(next_random() >> 8) * 17.0f * 0x1p-24f - 8.5f;
    for (size_t i = 0; i < count; i++) floats[i] = rintf(floats[i]);
    return floats;
}

int is_close(float found, double expected, double tolerance, const char *what, ptrdiff_t place)
{
    if (isnan(expected) ? isnan(found) : fabs((double)found - expected) <= tolerance) return 1;
    fail("%s %td is %.9g instead of %.12g ± %.2g", what, place, (double)found, expected, tolerance);
    return 0;
}

int is_same(float found, float expected, const char *what, ptrdiff_t place)
{
    if (memcmp(&found, &expected, sizeof found) == 0) return 1;
    fail("%s %td is %a instead of %a", what, place, (double)found, (double)expected);
    return 0;
}

float finished(const rk_epilogue *epilogue, float value, ptrdiff_t row, ptrdiff_t column)
{
    if (epilogue->bias) value += epilogue->bias[column];
    if (epilogue->residual) value += epilogue->residual[row * epilogue->residual_stride + column];
    if (epilogue->activation == RK_IDENTITY || !(value < 0.0f)) return value;
    return epilogue->activation == RK_RELU ? 0.0f : value * epilogue->slope;
}

rk_epilogue epilogue_of(int kind, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t residual_stride)
{
    rk_epilogue e = {NULL, NULL, residual_stride, RK_IDENTITY, 0.0f};
    if (kind == 1 || kind == 2 || kind == 4) e.bias = random_floats((size_t)columns);
    if (kind == 3 || kind == 4) e.residual = random_floats((size_t)((rows - 1) * residual_stride + columns));
    if (kind == 2) e.activation = RK_RELU;
    if (kind == 4) e.activation = RK_LEAKY_RELU;
    e.slope = 0.1f;
    return e;
}

// MARK: Main

static void report_access(int signal)
{
    (void)signal;
    const char *parts[] = {case_name, running ? ", " : "", running ? running->name : "",
                           edge == 0 ? ": access beyond the end of a buffer\n" : ": access before the start of a buffer\n"};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0) break;
    _exit(1);
}

int main(void)
{
    const variant all[] = {{RK_GENERIC, "generic"}, {RK_AVX2, "avx2"}, {RK_AVX512, "avx512"}, {RK_NEON, "neon"}};
    for (size_t i = 0; i < COUNT(all); i++)
        if (rk_is_supported(all[i].identifier)) variants[variant_count++] = all[i];
    signal(SIGSEGV, report_access);
    signal(SIGBUS, report_access);
    for (edge = 0; edge < 2; edge++) {
        test_products();
        test_transposed_products();
        test_winograd_inputs();
        test_winograd_outputs();
        test_winograd_output_gradients();
        test_winograd_filters();
        test_winograd_convolutions();
        test_depthwise();
        test_depthwise_gradients();
        test_normalization();
    }
    fprintf(stderr, "kernels");
    for (size_t i = 0; i < variant_count; i++) fprintf(stderr, "%s %s", i ? "," : "", variants[i].name);
    fprintf(stderr, ": %zu cases, %zu failures\n", cases, failures);
    return failures > 0;
}
