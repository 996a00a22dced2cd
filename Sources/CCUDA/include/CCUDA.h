// NVIDIA's driver, run-time compiler and cuDNN behind a small interface of plain values.
//
// The libraries are loaded when a device is opened; nothing links them, and nothing of this runs unless a user asks for
// a GPU. Every function that can fail returns 0 for success and otherwise leaves a line in `rc_error`. A device belongs
// to one thread at a time. Addresses are of the device's memory; counts are of floats.

#ifndef RESTORE_CCUDA_H
#define RESTORE_CCUDA_H

#include <stddef.h>
#include <stdint.h>

typedef struct rc_device rc_device;
typedef struct rc_convolution rc_convolution;
typedef uint64_t rc_address;

/// N×H×W×C, channels last.
typedef struct {
    int batch, height, width, channels;
} rc_shape;

typedef struct {
    int kernel_height, kernel_width, stride_height, stride_width, pad_height, pad_width, dilation_height, dilation_width;
} rc_window;

/// Opens the first device; NULL with a message if there is none or a library is missing.
rc_device *rc_open(char *message, size_t message_size);
void rc_close(rc_device *device);
const char *rc_name(const rc_device *device);
/// The line that the last failure left.
const char *rc_error(const rc_device *device);

int rc_allocate(rc_device *device, size_t count, rc_address *address);
void rc_free(rc_device *device, rc_address address);
int rc_upload(rc_device *device, rc_address to, const float *from, size_t count);
int rc_download(rc_device *device, float *to, rc_address from, size_t count);
int rc_zero(rc_device *device, rc_address address, size_t count);
int rc_synchronize(rc_device *device);
/// Makes the device the one of the calling thread, which every thread needs once before other calls.
int rc_select(rc_device *device);

typedef enum { RC_RELU, RC_SIGMOID } rc_activation_kind;

/// Of a tensor with `wide` channels, `narrow` ones from `first` on.
typedef struct {
    size_t pixels;
    int narrow, wide, first;
} rc_slices;

/// Operations on tensors. Those with `adds` add to what is there if it is 1, and replace it if it is 0.
int rc_activation(rc_device *device, rc_activation_kind kind, rc_address y, rc_address x, size_t count);
int rc_activation_gradient(
    rc_device *device, rc_activation_kind kind, rc_address dx, rc_address dy, rc_address y, size_t count, int adds);
int rc_add(rc_device *device, rc_address y, rc_address a, rc_address b, size_t count);
int rc_copy(rc_device *device, rc_address y, rc_address x, size_t count, int adds);
int rc_slice(rc_device *device, rc_address narrow, rc_address wide, rc_slices slices, int adds);
/// Writes these channels of the wide tensor and leaves the others.
int rc_place(rc_device *device, rc_address wide, rc_address narrow, rc_slices slices);
/// The same with zeros in the others.
int rc_slice_gradient(rc_device *device, rc_address wide, rc_address narrow, rc_slices slices, int adds);
/// Between a coarse tensor with factor² times the channels and a fine one, in the order of PixelShuffle.
int rc_shuffle(rc_device *device, rc_address fine, rc_address coarse, rc_shape coarse_shape, int factor, int adds);
int rc_unshuffle(rc_device *device, rc_address coarse, rc_address fine, rc_shape coarse_shape, int factor, int adds);
/// The same values by channel, row and column in another shape.
int rc_reorder(rc_device *device, rc_address to, rc_shape to_shape, rc_address from, rc_shape from_shape, int adds);
/// Between a tensor of `shape` and one with a single pixel a picture: the sum of the pixels, and copies of the one.
int rc_pool(rc_device *device, rc_address y, rc_address x, rc_shape shape, float scale, int adds);
int rc_spread(rc_device *device, rc_address y, rc_address x, rc_shape shape, float scale, int adds);
/// Group normalization. The statistics are two values for each group of each picture.
int rc_normalize(
    rc_device *device, rc_address y, rc_address statistics, rc_address x, rc_address weight, rc_address bias,
    rc_shape shape, int groups, float epsilon);
/// Adds to the gradients of weight and bias. `dx` may be 0.
int rc_normalize_gradient(
    rc_device *device, rc_address dx, rc_address weight_gradient, rc_address bias_gradient, rc_address statistics,
    rc_address x, rc_address dy, rc_address weight, rc_shape shape, int groups, int adds);
/// Kernels of a convolution between outputs × inputs × area and outputs × area × inputs.
int rc_channels_last(rc_device *device, rc_address to, rc_address from, int outputs, int inputs, int area);
int rc_channels_first(rc_device *device, rc_address to, rc_address from, int outputs, int inputs, int area);

/// A convolution from `picture` to `grid` by a kernel of grid.channels × window × picture.channels, with the fastest
/// algorithms for these shapes.
rc_convolution *rc_convolution_new(rc_device *device, rc_shape picture, rc_shape grid, rc_window window);
void rc_convolution_free(rc_convolution *convolution);
int rc_convolution_forward(
    rc_convolution *convolution, rc_address picture, rc_address kernel, rc_address grid, int adds);
int rc_convolution_picture_gradient(
    rc_convolution *convolution, rc_address grid_gradient, rc_address kernel, rc_address picture_gradient, int adds);
int rc_convolution_kernel_gradient(
    rc_convolution *convolution, rc_address picture, rc_address grid_gradient, rc_address kernel_gradient);
int rc_add_bias(rc_device *device, rc_address grid, rc_address bias, size_t pixels, int channels);
/// Adds to the gradient.
int rc_bias_gradient(rc_device *device, rc_address bias_gradient, rc_address grid_gradient, size_t pixels, int channels);

#endif
