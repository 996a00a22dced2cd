#include "device.h"

#define SOURCE(...) #__VA_ARGS__

// CUDA C++ for the run-time compiler. One thread an element `i` of `n` unless a comment says otherwise. Those that write
// gradients add to what is there if `adds`. Tensors have their channels last.
const char *const rc_kernel_source = SOURCE(
    struct Element {
        size_t i;
        __device__ Element() : i((size_t)blockIdx.x * blockDim.x + threadIdx.x) {}
    };
    __device__ void store(float *place, float value, int adds) { *place = adds ? *place + value : value; }

    extern "C" {
    __global__ void relu(float *y, const float *x, size_t n) {
        size_t i = Element().i;
        if (i < n) y[i] = x[i] > 0 ? x[i] : 0;
    }
    __global__ void relu_gradient(float *dx, const float *dy, const float *y, int adds, size_t n) {
        size_t i = Element().i;
        if (i < n) store(dx + i, y[i] > 0 ? dy[i] : 0, adds);
    }
    __global__ void sigmoid(float *y, const float *x, size_t n) {
        size_t i = Element().i;
        if (i < n) y[i] = 1 / (1 + expf(-x[i]));
    }
    __global__ void sigmoid_gradient(float *dx, const float *dy, const float *y, int adds, size_t n) {
        size_t i = Element().i;
        if (i < n) store(dx + i, dy[i] * y[i] * (1 - y[i]), adds);
    }
    __global__ void add(float *y, const float *a, const float *b, size_t n) {
        size_t i = Element().i;
        if (i < n) y[i] = a[i] + b[i];
    }
    __global__ void copy(float *y, const float *x, int adds, size_t n) {
        size_t i = Element().i;
        if (i < n) store(y + i, x[i], adds);
    }

    // i runs over the narrow tensor, whose channels are those from `first` of the wide one.
    __global__ void slice(float *narrow, const float *wide, int few, int many, int first, int adds, size_t n) {
        size_t i = Element().i;
        if (i < n) store(narrow + i, wide[i / few * many + first + i % few], adds);
    }
    __global__ void place(float *wide, const float *narrow, int few, int many, int first, size_t n) {
        size_t i = Element().i;
        if (i < n) wide[i / few * many + first + i % few] = narrow[i];
    }
    // i runs over the wide tensor.
    __global__ void slice_gradient(
        float *wide, const float *narrow, int few, int many, int first, int adds, size_t n) {
        size_t i = Element().i;
        if (i >= n) return;
        int c = (int)(i % many) - first;
        store(wide + i, c >= 0 && c < few ? narrow[i / many * few + c] : 0, adds);
    }

    // i runs over the coarse tensor; the result is its place in the fine one.
    __device__ size_t fine_place(size_t i, int height, int width, int channels, int r) {
        int k = i % channels;
        size_t p = i / channels;
        int x = p % width;
        p /= width;
        int y = p % height;
        size_t b = p / height;
        int c = k / (r * r);
        int dy = k / r % r;
        int dx = k % r;
        return ((b * height * r + (size_t)y * r + dy) * width * r + (size_t)x * r + dx) * (channels / (r * r)) + c;
    }
    __global__ void shuffle(float *fine, const float *coarse, int h, int w, int c, int r, int adds, size_t n) {
        size_t i = Element().i;
        if (i < n) store(fine + fine_place(i, h, w, c, r), coarse[i], adds);
    }
    __global__ void unshuffle(float *coarse, const float *fine, int h, int w, int c, int r, int adds, size_t n) {
        size_t i = Element().i;
        if (i < n) store(coarse + i, fine[fine_place(i, h, w, c, r)], adds);
    }
    // Values keep their index by channel, row and column; i runs over the new shape.
    __global__ void reorder(
        float *to, const float *from, int h, int w, int c, int from_h, int from_w, int from_c, int adds, size_t n) {
        size_t i = Element().i;
        if (i >= n) return;
        int channel = i % c;
        size_t p = i / c;
        int x = p % w;
        p /= w;
        int y = p % h;
        size_t b = p / h;
        int f = (channel * h + y) * w + x;
        int from_x = f % from_w;
        f /= from_w;
        int from_y = f % from_h;
        int from_channel = f / from_h;
        store(to + i, from[((b * from_h + from_y) * from_w + from_x) * from_c + from_channel], adds);
    }

    // i runs over outputs × area × inputs.
    __global__ void channels_last(float *to, const float *from, int inputs, int area, size_t n) {
        size_t i = Element().i;
        if (i >= n) return;
        int c = i % inputs;
        size_t p = i / inputs;
        int a = p % area;
        size_t o = p / area;
        to[i] = from[(o * inputs + c) * area + a];
    }
    __global__ void channels_first(float *to, const float *from, int inputs, int area, size_t n) {
        size_t i = Element().i;
        if (i >= n) return;
        int c = i % inputs;
        size_t p = i / inputs;
        int a = p % area;
        size_t o = p / area;
        to[(o * inputs + c) * area + a] = from[i];
    }
    __global__ void add_bias(float *grid, const float *bias, int channels, size_t n) {
        size_t i = Element().i;
        if (i < n) grid[i] += bias[i % channels];
    }

    // The sum over the pixels of 32 channels; a block has 8 rows of 32 threads. The sum is that of row 0.
    __device__ float column_sum(const float *values, int channels, size_t first, size_t pixels, size_t step) {
        __shared__ float sums[8][32];
        int lane = threadIdx.x % 32;
        int row = threadIdx.x / 32;
        int c = blockIdx.x * 32 + lane;
        float sum = 0;
        if (c < channels)
            for (size_t p = first + row; p < pixels; p += step) sum += values[p * channels + c];
        sums[row][lane] = sum;
        __syncthreads();
        if (row == 0)
            for (int r = 1; r < 8; r++) sum += sums[r][lane];
        return sum;
    }
    // Blocks: 32 channels × some of the pixels. Always adds.
    __global__ void bias_gradient(float *gradient, const float *grid, int channels, size_t pixels) {
        float sum = column_sum(grid, channels, blockIdx.y * 8, pixels, gridDim.y * 8);
        int c = blockIdx.x * 32 + threadIdx.x;
        if (threadIdx.x < 32 && c < channels) atomicAdd(gradient + c, sum);
    }
    // Blocks: 32 channels × pictures.
    __global__ void pool(float *y, const float *x, int channels, size_t pixels, float scale, int adds) {
        float sum = column_sum(x + blockIdx.y * pixels * channels, channels, 0, pixels, 8);
        int c = blockIdx.x * 32 + threadIdx.x;
        if (threadIdx.x < 32 && c < channels) store(y + (size_t)blockIdx.y * channels + c, scale * sum, adds);
    }
    __global__ void spread(float *y, const float *x, int channels, size_t pixels, float scale, int adds, size_t n) {
        size_t i = Element().i;
        if (i < n) store(y + i, scale * x[i / (pixels * channels) * channels + i % channels], adds);
    }

    // The sum over a block of 256 threads.
    __device__ float block_sum(float value) {
        __shared__ float sums[256];
        sums[threadIdx.x] = value;
        __syncthreads();
        for (int half = 128; half > 0; half /= 2) {
            if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
            __syncthreads();
        }
        float sum = sums[0];
        __syncthreads();
        return sum;
    }
    // Blocks: groups × pictures. Statistics: mean and scale of each group of each picture.
    __global__ void normalize(
        float *y, float *statistics, const float *x, const float *weight, const float *bias, int channels, int pixels,
        float epsilon) {
        int size = channels / gridDim.x;
        int count = pixels * size;
        size_t first = (size_t)blockIdx.y * pixels * channels + blockIdx.x * size;
        float sum = 0;
        for (int k = threadIdx.x; k < count; k += 256) sum += x[first + k / size * channels + k % size];
        float mean = block_sum(sum) / count;
        float squares = 0;
        for (int k = threadIdx.x; k < count; k += 256) {
            float d = x[first + k / size * channels + k % size] - mean;
            squares += d * d;
        }
        float scale = rsqrtf(block_sum(squares) / count + epsilon);
        if (threadIdx.x == 0) {
            statistics[2 * (blockIdx.y * gridDim.x + blockIdx.x)] = mean;
            statistics[2 * (blockIdx.y * gridDim.x + blockIdx.x) + 1] = scale;
        }
        for (int k = threadIdx.x; k < count; k += 256) {
            size_t i = first + k / size * channels + k % size;
            int c = blockIdx.x * size + k % size;
            y[i] = (x[i] - mean) * scale * weight[c] + bias[c];
        }
    }
    // Blocks: groups of at most 256 channels × pictures. Adds to the gradients of weight and bias.
    __global__ void normalize_gradient(
        float *dx, float *weight_gradient, float *bias_gradient, const float *statistics, const float *x, const float *dy,
        const float *weight, int channels, int pixels, int adds) {
        int size = channels / gridDim.x;
        int rows = 256 / size;
        int channel = threadIdx.x % size;
        int row = threadIdx.x / size;
        size_t first = (size_t)blockIdx.y * pixels * channels + blockIdx.x * size;
        float mean = statistics[2 * (blockIdx.y * gridDim.x + blockIdx.x)];
        float scale = statistics[2 * (blockIdx.y * gridDim.x + blockIdx.x) + 1];
        int c = blockIdx.x * size + channel;
        float shift = 0;
        float stretch = 0;
        if (row < rows) {
            for (int p = row; p < pixels; p += rows) {
                size_t i = first + (size_t)p * channels + channel;
                shift += dy[i];
                stretch += dy[i] * (x[i] - mean) * scale;
            }
            atomicAdd(weight_gradient + c, stretch);
            atomicAdd(bias_gradient + c, shift);
        }
        float count = (float)pixels * size;
        float mean_gradient = block_sum(row < rows ? shift * weight[c] : 0) / count;
        float mean_product = block_sum(row < rows ? stretch * weight[c] : 0) / count;
        if (row >= rows || !dx) return;
        for (int p = row; p < pixels; p += rows) {
            size_t i = first + (size_t)p * channels + channel;
            float normalized = (x[i] - mean) * scale;
            store(dx + i, scale * (dy[i] * weight[c] - mean_gradient - normalized * mean_product), adds);
        }
    }
    });
