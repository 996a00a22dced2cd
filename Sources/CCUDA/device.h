// The state of a device, shared by this target's files.

#ifndef RESTORE_CCUDA_DEVICE_H
#define RESTORE_CCUDA_DEVICE_H

#include "CCUDA.h"

enum {
    KERNEL_RELU,
    KERNEL_RELU_GRADIENT,
    KERNEL_SIGMOID,
    KERNEL_SIGMOID_GRADIENT,
    KERNEL_ADD,
    KERNEL_COPY,
    KERNEL_SLICE,
    KERNEL_PLACE,
    KERNEL_SLICE_GRADIENT,
    KERNEL_SHUFFLE,
    KERNEL_UNSHUFFLE,
    KERNEL_REORDER,
    KERNEL_CHANNELS_LAST,
    KERNEL_CHANNELS_FIRST,
    KERNEL_ADD_BIAS,
    KERNEL_BIAS_GRADIENT,
    KERNEL_POOL,
    KERNEL_SPREAD,
    KERNEL_NORMALIZE,
    KERNEL_NORMALIZE_GRADIENT,
    KERNEL_COUNT
};

/// What cuDNN says of an algorithm it has tried: cudnnConvolution…AlgoPerf_t, the same for all directions.
typedef struct {
    int algorithm;
    int status;
    float milliseconds;
    size_t memory;
    int determinism;
    int math;
    int reserved[3];
} rc_trial;

struct rc_device {
    char error[512];
    char name[128];
    int major, minor;
    void *context;
    void *kernels[KERNEL_COUNT];
    void *cudnn;
    rc_address workspace;
    size_t workspace_size;

    struct {
        int (*cuGetErrorString)(int, const char **);
        int (*cuInit)(unsigned);
        int (*cuDeviceGet)(int *, int);
        int (*cuDeviceGetName)(char *, int, int);
        int (*cuDeviceGetAttribute)(int *, int, int);
        int (*cuDevicePrimaryCtxRetain)(void **, int);
        int (*cuCtxSetCurrent)(void *);
        int (*cuCtxSynchronize)(void);
        int (*cuModuleLoadData)(void **, const void *);
        int (*cuModuleGetFunction)(void **, void *, const char *);
        int (*cuLaunchKernel)(
            void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
        int (*cuMemAlloc)(rc_address *, size_t);
        int (*cuMemFree)(rc_address);
        int (*cuMemcpyHtoD)(rc_address, const void *, size_t);
        int (*cuMemcpyDtoH)(void *, rc_address, size_t);
        int (*cuMemsetD32)(rc_address, unsigned, size_t);
    } cuda;

    struct {
        int (*nvrtcCreateProgram)(void **, const char *, const char *, int, const char *const *, const char *const *);
        int (*nvrtcCompileProgram)(void *, int, const char *const *);
        int (*nvrtcGetPTXSize)(void *, size_t *);
        int (*nvrtcGetPTX)(void *, char *);
        int (*nvrtcGetProgramLog)(void *, char *);
    } nvrtc;

    struct {
        const char *(*cudnnGetErrorString)(int);
        int (*cudnnCreate)(void **);
        int (*cudnnDestroy)(void *);
        int (*cudnnCreateTensorDescriptor)(void **);
        int (*cudnnDestroyTensorDescriptor)(void *);
        int (*cudnnSetTensor4dDescriptor)(void *, int, int, int, int, int, int);
        int (*cudnnCreateFilterDescriptor)(void **);
        int (*cudnnDestroyFilterDescriptor)(void *);
        int (*cudnnSetFilter4dDescriptor)(void *, int, int, int, int, int, int);
        int (*cudnnCreateConvolutionDescriptor)(void **);
        int (*cudnnDestroyConvolutionDescriptor)(void *);
        int (*cudnnSetConvolution2dDescriptor)(void *, int, int, int, int, int, int, int, int);
        int (*cudnnSetConvolutionMathType)(void *, int);
        int (*cudnnFindConvolutionForwardAlgorithm)(
            void *, void *, void *, void *, void *, int, int *, rc_trial *);
        int (*cudnnFindConvolutionBackwardDataAlgorithm)(
            void *, void *, void *, void *, void *, int, int *, rc_trial *);
        int (*cudnnFindConvolutionBackwardFilterAlgorithm)(
            void *, void *, void *, void *, void *, int, int *, rc_trial *);
        int (*cudnnConvolutionForward)(
            void *, const void *, void *, const void *, void *, const void *, void *, int, void *, size_t, const void *,
            void *, void *);
        int (*cudnnConvolutionBackwardData)(
            void *, const void *, void *, const void *, void *, const void *, void *, int, void *, size_t, const void *,
            void *, void *);
        int (*cudnnConvolutionBackwardFilter)(
            void *, const void *, void *, const void *, void *, const void *, void *, int, void *, size_t, const void *,
            void *, void *);
    } dnn;
};

extern const char *const rc_kernel_source;

int rc_fail(rc_device *device, const char *what, const char *reason);
int rc_check(rc_device *device, int result, const char *what);
int rc_load_cudnn(rc_device *device);

#endif
