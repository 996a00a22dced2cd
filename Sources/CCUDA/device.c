#include "device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kernel_names[KERNEL_COUNT] = {
    "relu",           "relu_gradient", "sigmoid",   "sigmoid_gradient", "add",           "copy",
    "slice",          "place",         "slice_gradient", "shuffle",     "unshuffle",     "reorder",
    "channels_last",  "channels_first", "add_bias", "bias_gradient",    "pool",          "spread",
    "normalize",      "normalize_gradient",
};

int rc_fail(rc_device *device, const char *what, const char *reason) {
    snprintf(device->error, sizeof device->error, "%s: %s", what, reason);
    return 1;
}

int rc_check(rc_device *device, int result, const char *what) {
    if (result == 0) return 0;
    const char *text = NULL;
    if (device->cuda.cuGetErrorString) device->cuda.cuGetErrorString(result, &text);
    return rc_fail(device, what, text ? text : "unknown error");
}

static void *load(rc_device *device, const char *const *names, const char *what) {
    for (; *names; names++) {
        void *library = dlopen(*names, RTLD_NOW | RTLD_GLOBAL);
        if (library) return library;
    }
    const char *reason = dlerror();
    rc_fail(device, what, reason ? reason : "not found");
    return NULL;
}

#define FIND(table, library, name)                                                 \
    do {                                                                           \
        *(void **)&device->table.name = dlsym(library, #name);                     \
        if (!device->table.name) return rc_fail(device, #name, "function missing"); \
    } while (0)

// The ABI has versions of some functions; the names without one are old.
#define FIND_V2(table, library, name)                                                    \
    do {                                                                                 \
        *(void **)&device->table.name = dlsym(library, #name "_v2");                     \
        if (!device->table.name) return rc_fail(device, #name "_v2", "function missing"); \
    } while (0)

static int load_driver(rc_device *device) {
    static const char *const names[] = {"libcuda.so.1", "libcuda.so", NULL};
    void *library = load(device, names, "NVIDIA's driver");
    if (!library) return 1;
    FIND(cuda, library, cuGetErrorString);
    FIND(cuda, library, cuInit);
    FIND(cuda, library, cuDeviceGet);
    FIND(cuda, library, cuDeviceGetName);
    FIND(cuda, library, cuDeviceGetAttribute);
    FIND(cuda, library, cuDevicePrimaryCtxRetain);
    FIND(cuda, library, cuCtxSetCurrent);
    FIND(cuda, library, cuCtxSynchronize);
    FIND(cuda, library, cuModuleLoadData);
    FIND(cuda, library, cuModuleGetFunction);
    FIND(cuda, library, cuLaunchKernel);
    FIND_V2(cuda, library, cuMemAlloc);
    FIND_V2(cuda, library, cuMemFree);
    FIND_V2(cuda, library, cuMemcpyHtoD);
    FIND_V2(cuda, library, cuMemcpyDtoH);
    FIND_V2(cuda, library, cuMemsetD32);
    int id = 0;
    if (rc_check(device, device->cuda.cuInit(0), "starting CUDA")) return 1;
    if (rc_check(device, device->cuda.cuDeviceGet(&id, 0), "finding a GPU")) return 1;
    if (rc_check(device, device->cuda.cuDeviceGetName(device->name, sizeof device->name, id), "naming the GPU")) return 1;
    // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
    device->cuda.cuDeviceGetAttribute(&device->major, 75, id);
    device->cuda.cuDeviceGetAttribute(&device->minor, 76, id);
    if (rc_check(device, device->cuda.cuDevicePrimaryCtxRetain(&device->context, id), "opening the GPU")) return 1;
    return rc_check(device, device->cuda.cuCtxSetCurrent(device->context), "selecting the GPU");
}

static int compile_kernels(rc_device *device) {
    static const char *const names[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", NULL};
    void *library = load(device, names, "NVIDIA's run-time compiler");
    if (!library) return 1;
    FIND(nvrtc, library, nvrtcCreateProgram);
    FIND(nvrtc, library, nvrtcCompileProgram);
    FIND(nvrtc, library, nvrtcGetPTXSize);
    FIND(nvrtc, library, nvrtcGetPTX);
    FIND(nvrtc, library, nvrtcGetProgramLog);
    void *program = NULL;
    if (device->nvrtc.nvrtcCreateProgram(&program, rc_kernel_source, "restore.cu", 0, NULL, NULL))
        return rc_fail(device, "compiling kernels", "no program");
    char target[48];
    snprintf(target, sizeof target, "--gpu-architecture=compute_%d%d", device->major, device->minor);
    const char *options[] = {target};
    if (device->nvrtc.nvrtcCompileProgram(program, 1, options)) {
        char log[400] = "";
        char *all = calloc(1, 1 << 16);
        if (all) {
            device->nvrtc.nvrtcGetProgramLog(program, all);
            snprintf(log, sizeof log, "%.300s", all);
            free(all);
        }
        return rc_fail(device, "compiling kernels", log);
    }
    size_t size = 0;
    device->nvrtc.nvrtcGetPTXSize(program, &size);
    char *code = malloc(size ? size : 1);
    if (!code) return rc_fail(device, "compiling kernels", "out of memory");
    device->nvrtc.nvrtcGetPTX(program, code);
    void *module = NULL;
    int result = rc_check(device, device->cuda.cuModuleLoadData(&module, code), "loading kernels");
    free(code);
    for (int k = 0; k < KERNEL_COUNT && !result; k++)
        result = rc_check(device, device->cuda.cuModuleGetFunction(&device->kernels[k], module, kernel_names[k]), kernel_names[k]);
    return result;
}

rc_device *rc_open(char *message, size_t message_size) {
    rc_device *device = calloc(1, sizeof *device);
    if (!device) {
        snprintf(message, message_size, "out of memory");
        return NULL;
    }
    if (load_driver(device) || compile_kernels(device) || rc_load_cudnn(device)) {
        snprintf(message, message_size, "%s", device->error);
        free(device);
        return NULL;
    }
    return device;
}

void rc_close(rc_device *device) {
    if (!device) return;
    if (device->workspace) device->cuda.cuMemFree(device->workspace);
    if (device->dnn.cudnnDestroy) device->dnn.cudnnDestroy(device->cudnn);
    free(device);
}

const char *rc_name(const rc_device *device) { return device->name; }
const char *rc_error(const rc_device *device) { return device->error; }

int rc_allocate(rc_device *device, size_t count, rc_address *address) {
    return rc_check(device, device->cuda.cuMemAlloc(address, 4 * (count ? count : 1)), "allocating memory of the GPU");
}

void rc_free(rc_device *device, rc_address address) { device->cuda.cuMemFree(address); }

int rc_upload(rc_device *device, rc_address to, const float *from, size_t count) {
    return rc_check(device, device->cuda.cuMemcpyHtoD(to, from, 4 * count), "copying to the GPU");
}

int rc_download(rc_device *device, float *to, rc_address from, size_t count) {
    return rc_check(device, device->cuda.cuMemcpyDtoH(to, from, 4 * count), "copying from the GPU");
}

int rc_zero(rc_device *device, rc_address address, size_t count) {
    return count == 0 ? 0 : rc_check(device, device->cuda.cuMemsetD32(address, 0, count), "clearing memory of the GPU");
}

int rc_select(rc_device *device) {
    return rc_check(device, device->cuda.cuCtxSetCurrent(device->context), "selecting the GPU");
}

int rc_synchronize(rc_device *device) { return rc_check(device, device->cuda.cuCtxSynchronize(), "waiting for the GPU"); }

static int launch(rc_device *device, int kernel, size_t count, void **arguments) {
    if (count == 0) return 0;
    unsigned blocks = (unsigned)((count + 255) / 256);
    return rc_check(
        device,
        device->cuda.cuLaunchKernel(device->kernels[kernel], blocks, 1, 1, 256, 1, 1, 0, NULL, arguments, NULL),
        kernel_names[kernel]);
}

static size_t count_of(rc_shape shape) {
    return (size_t)shape.batch * (size_t)shape.height * (size_t)shape.width * (size_t)shape.channels;
}

static size_t pixels_of(rc_shape shape) { return (size_t)shape.height * (size_t)shape.width; }

int rc_activation(rc_device *device, rc_activation_kind kind, rc_address y, rc_address x, size_t count) {
    void *arguments[] = {&y, &x, &count};
    return launch(device, kind == RC_RELU ? KERNEL_RELU : KERNEL_SIGMOID, count, arguments);
}

int rc_activation_gradient(
    rc_device *device, rc_activation_kind kind, rc_address dx, rc_address dy, rc_address y, size_t count, int adds) {
    void *arguments[] = {&dx, &dy, &y, &adds, &count};
    return launch(device, kind == RC_RELU ? KERNEL_RELU_GRADIENT : KERNEL_SIGMOID_GRADIENT, count, arguments);
}

int rc_add(rc_device *device, rc_address y, rc_address a, rc_address b, size_t count) {
    void *arguments[] = {&y, &a, &b, &count};
    return launch(device, KERNEL_ADD, count, arguments);
}

int rc_copy(rc_device *device, rc_address y, rc_address x, size_t count, int adds) {
    void *arguments[] = {&y, &x, &adds, &count};
    return launch(device, KERNEL_COPY, count, arguments);
}

int rc_slice(rc_device *device, rc_address narrow, rc_address wide, rc_slices slices, int adds) {
    size_t count = slices.pixels * (size_t)slices.narrow;
    void *arguments[] = {&narrow, &wide, &slices.narrow, &slices.wide, &slices.first, &adds, &count};
    return launch(device, KERNEL_SLICE, count, arguments);
}

int rc_place(rc_device *device, rc_address wide, rc_address narrow, rc_slices slices) {
    size_t count = slices.pixels * (size_t)slices.narrow;
    void *arguments[] = {&wide, &narrow, &slices.narrow, &slices.wide, &slices.first, &count};
    return launch(device, KERNEL_PLACE, count, arguments);
}

int rc_slice_gradient(rc_device *device, rc_address wide, rc_address narrow, rc_slices slices, int adds) {
    size_t count = slices.pixels * (size_t)slices.wide;
    void *arguments[] = {&wide, &narrow, &slices.narrow, &slices.wide, &slices.first, &adds, &count};
    return launch(device, KERNEL_SLICE_GRADIENT, count, arguments);
}

int rc_shuffle(rc_device *device, rc_address fine, rc_address coarse, rc_shape shape, int factor, int adds) {
    size_t count = count_of(shape);
    void *arguments[] = {&fine, &coarse, &shape.height, &shape.width, &shape.channels, &factor, &adds, &count};
    return launch(device, KERNEL_SHUFFLE, count, arguments);
}

int rc_unshuffle(rc_device *device, rc_address coarse, rc_address fine, rc_shape shape, int factor, int adds) {
    size_t count = count_of(shape);
    void *arguments[] = {&coarse, &fine, &shape.height, &shape.width, &shape.channels, &factor, &adds, &count};
    return launch(device, KERNEL_UNSHUFFLE, count, arguments);
}

int rc_reorder(
    rc_device *device, rc_address to, rc_shape to_shape, rc_address from, rc_shape from_shape, int adds) {
    size_t count = count_of(to_shape);
    void *arguments[] = {&to, &from, &to_shape.height, &to_shape.width, &to_shape.channels, &from_shape.height,
                         &from_shape.width, &from_shape.channels, &adds, &count};
    return launch(device, KERNEL_REORDER, count, arguments);
}

int rc_channels_last(rc_device *device, rc_address to, rc_address from, int outputs, int inputs, int area) {
    size_t count = (size_t)outputs * (size_t)inputs * (size_t)area;
    void *arguments[] = {&to, &from, &inputs, &area, &count};
    return launch(device, KERNEL_CHANNELS_LAST, count, arguments);
}

int rc_channels_first(rc_device *device, rc_address to, rc_address from, int outputs, int inputs, int area) {
    size_t count = (size_t)outputs * (size_t)inputs * (size_t)area;
    void *arguments[] = {&to, &from, &inputs, &area, &count};
    return launch(device, KERNEL_CHANNELS_FIRST, count, arguments);
}

int rc_add_bias(rc_device *device, rc_address grid, rc_address bias, size_t pixels, int channels) {
    size_t count = pixels * (size_t)channels;
    void *arguments[] = {&grid, &bias, &channels, &count};
    return launch(device, KERNEL_ADD_BIAS, count, arguments);
}

static int launch_blocks(rc_device *device, int kernel, unsigned columns, unsigned rows, void **arguments) {
    return rc_check(
        device,
        device->cuda.cuLaunchKernel(device->kernels[kernel], columns, rows, 1, 256, 1, 1, 0, NULL, arguments, NULL),
        kernel_names[kernel]);
}

int rc_bias_gradient(rc_device *device, rc_address bias_gradient, rc_address grid_gradient, size_t pixels, int channels) {
    void *arguments[] = {&bias_gradient, &grid_gradient, &channels, &pixels};
    unsigned rows = (unsigned)((pixels + 511) / 512);
    return launch_blocks(
        device, KERNEL_BIAS_GRADIENT, (unsigned)(channels + 31) / 32, rows < 256 ? rows : 256, arguments);
}

int rc_pool(rc_device *device, rc_address y, rc_address x, rc_shape shape, float scale, int adds) {
    size_t pixels = pixels_of(shape);
    void *arguments[] = {&y, &x, &shape.channels, &pixels, &scale, &adds};
    return launch_blocks(device, KERNEL_POOL, (unsigned)(shape.channels + 31) / 32, (unsigned)shape.batch, arguments);
}

int rc_spread(rc_device *device, rc_address y, rc_address x, rc_shape shape, float scale, int adds) {
    size_t pixels = pixels_of(shape), count = count_of(shape);
    void *arguments[] = {&y, &x, &shape.channels, &pixels, &scale, &adds, &count};
    return launch(device, KERNEL_SPREAD, count, arguments);
}

int rc_normalize(
    rc_device *device, rc_address y, rc_address statistics, rc_address x, rc_address weight, rc_address bias,
    rc_shape shape, int groups, float epsilon) {
    int pixels = (int)pixels_of(shape);
    void *arguments[] = {&y, &statistics, &x, &weight, &bias, &shape.channels, &pixels, &epsilon};
    return launch_blocks(device, KERNEL_NORMALIZE, (unsigned)groups, (unsigned)shape.batch, arguments);
}

int rc_normalize_gradient(
    rc_device *device, rc_address dx, rc_address weight_gradient, rc_address bias_gradient, rc_address statistics,
    rc_address x, rc_address dy, rc_address weight, rc_shape shape, int groups, int adds) {
    if (shape.channels / groups > 256) return rc_fail(device, "normalize_gradient", "more than 256 channels a group");
    int pixels = (int)pixels_of(shape);
    void *arguments[] = {&dx, &weight_gradient, &bias_gradient, &statistics, &x, &dy, &weight, &shape.channels, &pixels,
                         &adds};
    return launch_blocks(device, KERNEL_NORMALIZE_GRADIENT, (unsigned)groups, (unsigned)shape.batch, arguments);
}
