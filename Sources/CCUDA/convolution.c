#include "device.h"

#include <dlfcn.h>
#include <stdlib.h>

// Values of cuDNN's enumerations.
enum {
    TENSOR_NHWC = 1,
    DATA_FLOAT = 0,
    CROSS_CORRELATION = 1,
    /// Products in TF32 where the GPU has it: 10 bits of mantissa, sums in 32-bit floats.
    DEFAULT_MATH = 0,
};

enum { FORWARD, PICTURE_GRADIENT, KERNEL_GRADIENT, DIRECTIONS };

struct rc_convolution {
    rc_device *device;
    void *picture, *grid, *kernel, *convolution;
    int algorithms[DIRECTIONS];
    size_t memory[DIRECTIONS];
};

/// Of the GPU's memory, for one convolution at a time.
static const size_t workspace_limit = (size_t)2 << 30;

#define FIND(name)                                                              \
    do {                                                                        \
        *(void **)&device->dnn.name = dlsym(library, #name);                    \
        if (!device->dnn.name) return rc_fail(device, #name, "function missing"); \
    } while (0)

static int check(rc_device *device, int result, const char *what) {
    return result == 0 ? 0 : rc_fail(device, what, device->dnn.cudnnGetErrorString(result));
}

int rc_load_cudnn(rc_device *device) {
    void *library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        const char *reason = dlerror();
        return rc_fail(device, "cuDNN 9", reason ? reason : "not found");
    }
    FIND(cudnnGetErrorString);
    FIND(cudnnCreate);
    FIND(cudnnDestroy);
    FIND(cudnnCreateTensorDescriptor);
    FIND(cudnnDestroyTensorDescriptor);
    FIND(cudnnSetTensor4dDescriptor);
    FIND(cudnnCreateFilterDescriptor);
    FIND(cudnnDestroyFilterDescriptor);
    FIND(cudnnSetFilter4dDescriptor);
    FIND(cudnnCreateConvolutionDescriptor);
    FIND(cudnnDestroyConvolutionDescriptor);
    FIND(cudnnSetConvolution2dDescriptor);
    FIND(cudnnSetConvolutionMathType);
    FIND(cudnnFindConvolutionForwardAlgorithm);
    FIND(cudnnFindConvolutionBackwardDataAlgorithm);
    FIND(cudnnFindConvolutionBackwardFilterAlgorithm);
    FIND(cudnnConvolutionForward);
    FIND(cudnnConvolutionBackwardData);
    FIND(cudnnConvolutionBackwardFilter);
    return check(device, device->dnn.cudnnCreate(&device->cudnn), "starting cuDNN");
}

static int describe(rc_convolution *c, rc_shape picture, rc_shape grid, rc_window window) {
    rc_device *device = c->device;
    if (check(device, device->dnn.cudnnCreateTensorDescriptor(&c->picture), "describing a tensor")
        || check(device, device->dnn.cudnnCreateTensorDescriptor(&c->grid), "describing a tensor")
        || check(device, device->dnn.cudnnCreateFilterDescriptor(&c->kernel), "describing a kernel")
        || check(device, device->dnn.cudnnCreateConvolutionDescriptor(&c->convolution), "describing a convolution"))
        return 1;
    return check(
               device,
               device->dnn.cudnnSetTensor4dDescriptor(
                   c->picture, TENSOR_NHWC, DATA_FLOAT, picture.batch, picture.channels, picture.height, picture.width),
               "describing the input")
        || check(
               device,
               device->dnn.cudnnSetTensor4dDescriptor(
                   c->grid, TENSOR_NHWC, DATA_FLOAT, grid.batch, grid.channels, grid.height, grid.width),
               "describing the output")
        || check(
               device,
               device->dnn.cudnnSetFilter4dDescriptor(
                   c->kernel, DATA_FLOAT, TENSOR_NHWC, grid.channels, picture.channels, window.kernel_height,
                   window.kernel_width),
               "describing the kernel")
        || check(
               device,
               device->dnn.cudnnSetConvolution2dDescriptor(
                   c->convolution, window.pad_height, window.pad_width, window.stride_height, window.stride_width,
                   window.dilation_height, window.dilation_width, CROSS_CORRELATION, DATA_FLOAT),
               "describing the window")
        || check(device, device->dnn.cudnnSetConvolutionMathType(c->convolution, DEFAULT_MATH), "choosing the arithmetic");
}

/// Takes the fastest trial that works and fits.
static int choose(rc_convolution *c, int direction, int result, const rc_trial *trials, int count) {
    if (check(c->device, result, "trying algorithms")) return 1;
    for (int i = 0; i < count; i++) {
        if (trials[i].status != 0 || trials[i].memory > workspace_limit) continue;
        c->algorithms[direction] = trials[i].algorithm;
        c->memory[direction] = trials[i].memory;
        return 0;
    }
    return rc_fail(c->device, "convolution", "cuDNN has no algorithm for these shapes");
}

static int reserve(rc_device *device, size_t size) {
    if (size <= device->workspace_size) return 0;
    if (device->workspace) device->cuda.cuMemFree(device->workspace);
    device->workspace = 0;
    device->workspace_size = 0;
    if (rc_check(device, device->cuda.cuMemAlloc(&device->workspace, size), "allocating memory of the GPU")) return 1;
    device->workspace_size = size;
    return 0;
}

rc_convolution *rc_convolution_new(rc_device *device, rc_shape picture, rc_shape grid, rc_window window) {
    rc_convolution *c = calloc(1, sizeof *c);
    if (!c) {
        rc_fail(device, "convolution", "out of memory");
        return NULL;
    }
    c->device = device;
    rc_trial trials[8];
    int count = 0;
    int failed = describe(c, picture, grid, window);
    if (!failed)
        failed = choose(
            c, FORWARD,
            device->dnn.cudnnFindConvolutionForwardAlgorithm(
                device->cudnn, c->picture, c->kernel, c->convolution, c->grid, 8, &count, trials),
            trials, count);
    if (!failed)
        failed = choose(
            c, PICTURE_GRADIENT,
            device->dnn.cudnnFindConvolutionBackwardDataAlgorithm(
                device->cudnn, c->kernel, c->grid, c->convolution, c->picture, 8, &count, trials),
            trials, count);
    if (!failed)
        failed = choose(
            c, KERNEL_GRADIENT,
            device->dnn.cudnnFindConvolutionBackwardFilterAlgorithm(
                device->cudnn, c->picture, c->grid, c->convolution, c->kernel, 8, &count, trials),
            trials, count);
    for (int direction = 0; direction < DIRECTIONS && !failed; direction++) failed = reserve(device, c->memory[direction]);
    if (failed) {
        rc_convolution_free(c);
        return NULL;
    }
    return c;
}

void rc_convolution_free(rc_convolution *c) {
    if (!c) return;
    if (c->picture) c->device->dnn.cudnnDestroyTensorDescriptor(c->picture);
    if (c->grid) c->device->dnn.cudnnDestroyTensorDescriptor(c->grid);
    if (c->kernel) c->device->dnn.cudnnDestroyFilterDescriptor(c->kernel);
    if (c->convolution) c->device->dnn.cudnnDestroyConvolutionDescriptor(c->convolution);
    free(c);
}

static const float one = 1, zero = 0;

#define POINTER(address) ((void *)(uintptr_t)(address))

int rc_convolution_forward(rc_convolution *c, rc_address picture, rc_address kernel, rc_address grid, int adds) {
    rc_device *device = c->device;
    return check(
        device,
        device->dnn.cudnnConvolutionForward(
            device->cudnn, &one, c->picture, POINTER(picture), c->kernel, POINTER(kernel), c->convolution,
            c->algorithms[FORWARD], POINTER(device->workspace), device->workspace_size, adds ? &one : &zero, c->grid,
            POINTER(grid)),
        "convolution");
}

int rc_convolution_picture_gradient(
    rc_convolution *c, rc_address grid_gradient, rc_address kernel, rc_address picture_gradient, int adds) {
    rc_device *device = c->device;
    return check(
        device,
        device->dnn.cudnnConvolutionBackwardData(
            device->cudnn, &one, c->kernel, POINTER(kernel), c->grid, POINTER(grid_gradient), c->convolution,
            c->algorithms[PICTURE_GRADIENT], POINTER(device->workspace), device->workspace_size, adds ? &one : &zero,
            c->picture, POINTER(picture_gradient)),
        "gradient of a convolution's input");
}

int rc_convolution_kernel_gradient(
    rc_convolution *c, rc_address picture, rc_address grid_gradient, rc_address kernel_gradient) {
    rc_device *device = c->device;
    return check(
        device,
        device->dnn.cudnnConvolutionBackwardFilter(
            device->cudnn, &one, c->picture, POINTER(picture), c->grid, POINTER(grid_gradient), c->convolution,
            c->algorithms[KERNEL_GRADIENT], POINTER(device->workspace), device->workspace_size, &zero, c->kernel,
            POINTER(kernel_gradient)),
        "gradient of a convolution's kernel");
}
