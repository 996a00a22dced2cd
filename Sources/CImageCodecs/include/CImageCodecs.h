// Reading and writing PNG and JPEG in memory, using libpng, zlib and libjpeg.
//
// Both libraries report errors with longjmp, which Swift cannot handle: it is caught in this module, and every function
// here returns one of the codes below and, on failure, one line of text. Nothing is printed.
#ifndef RESTORE_IMAGE_CODECS_H
#define RESTORE_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RESTORE_CODEC_OK = 0,
    RESTORE_CODEC_DAMAGED = 1,      // the file violates its format's rules, or ends too early
    RESTORE_CODEC_UNSUPPORTED = 2,  // a valid file, or an image, of a kind that is not supported
    RESTORE_CODEC_NO_MEMORY = 3,
};

/// Size of a message including its terminating NUL; every `message` below points to that many bytes.
enum { RESTORE_CODEC_MESSAGE_SIZE = 256 };

/// The pixels returned by decoding or passed to encoding: interleaved, row by row from the top left, without padding.
/// Channels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha (not premultiplied). 16-bit samples are uint16_t in the
/// machine's byte order.
typedef struct {
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    uint32_t bits_per_sample;  // 8 or 16
} RestorePixelFormat;

/// A growing block of memory that an encoder fills; initialize with all zeros, release with restore_bytes_free.
typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
} RestoreBytes;

void restore_bytes_free(RestoreBytes *bytes);

// PNG. Palettes are converted to RGB, samples of 1, 2 and 4 bits to 8 bits (scaled to 0...255), tRNS to alpha. Gamma
// and color profiles are not applied.

typedef struct RestorePNGReader RestorePNGReader;

/// Reads everything before the pixels; allocates no memory that depends on the size claimed by the file. `bytes` must
/// remain valid until the reader is closed. On failure *reader is NULL. `tolerant` nonzero: damage is a warning as long
/// as some row can be read.
int restore_png_open(const uint8_t *bytes, size_t count, int tolerant, RestorePNGReader **reader,
                     RestorePixelFormat *format, char *message);

/// Decodes into `pixels`, `size` bytes: exactly those of the format returned by opening. Once per reader. After a
/// failure the contents of `pixels` are undefined and may be partly uninitialized. A tolerant reader leaves zeros where
/// the file has no data.
int restore_png_decode(RestorePNGReader *reader, void *pixels, size_t size, char *message);

/// Problems noticed so far without failing, one line each; NULL from the first index without one.
const char *restore_png_warning(const RestorePNGReader *reader, uint32_t index);

void restore_png_close(RestorePNGReader *reader);

// Writing takes three steps, so that the caller's threads can share the second: open, every strip, finish. The division
// of an image into strips depends only on its size; the file is the same whichever threads write them and in whatever
// order.

typedef struct RestorePNGWriter RestorePNGWriter;

/// zlib's level 6 where a match search is worthwhile, run lengths and Huffman codes elsewhere: photographs take a sixth
/// to a half of the time and up to 3% more bytes.
enum { RESTORE_PNG_COMPRESSION_AUTOMATIC = -1 };

/// Allocates only the list of strips. `compression` is zlib's level, 0 (none) to 9 (best), or automatic. `pixels` must
/// remain valid and unchanged until the writer is closed. On failure *writer is NULL.
int restore_png_writer_open(const void *pixels, RestorePixelFormat format, int compression, RestorePNGWriter **writer,
                            uint32_t *strip_count, char *message);

/// Filters and compresses strip `index` of 0 ..< strip_count, each once. May be called by several threads at once.
/// Errors are kept for restore_png_writer_finish.
void restore_png_write_strip(RestorePNGWriter *writer, uint32_t index);

/// Joins the strips to a file, once, and releases their memory while doing so. `chunks` precede the pixels: each
/// consists of its payload's length (4 bytes, big-endian), its name (4 bytes) and its payload; the checksums are added
/// here. Chunks after an empty `IDAT` follow the pixels.
int restore_png_writer_finish(RestorePNGWriter *writer, const uint8_t *chunks, size_t chunks_size,
                              RestoreBytes *output, char *message);

void restore_png_writer_close(RestorePNGWriter *writer);

// JPEG. Always 8 bits; 1, 3 or 4 channels. YCbCr is converted to RGB, YCCK to CMYK: 255 is full ink, however the file
// stores it.

typedef struct RestoreJPEGReader RestoreJPEGReader;

/// See restore_png_open. Four channels are CMYK here, not RGB and alpha.
int restore_jpeg_open(const uint8_t *bytes, size_t count, int tolerant, RestoreJPEGReader **reader,
                      RestorePixelFormat *format, char *message);

/// See restore_png_decode. A file that can only be decoded in part is RESTORE_CODEC_DAMAGED, unless the reader is
/// tolerant: missing parts are then gray.
int restore_jpeg_decode(RestoreJPEGReader *reader, void *pixels, size_t size, char *message);

/// See restore_png_warning.
const char *restore_jpeg_warning(const RestoreJPEGReader *reader, uint32_t index);

enum { RESTORE_JPEG_COMPONENTS = 4, RESTORE_JPEG_TABLE_SIZE = 64 };

/// How a JPEG file is quantized, sampled and coded. At most as many tables as components.
typedef struct {
    uint32_t component_count;
    uint32_t table_count;
    uint8_t horizontal[RESTORE_JPEG_COMPONENTS];  // sampling factors, 1...4
    uint8_t vertical[RESTORE_JPEG_COMPONENTS];
    uint8_t table_index[RESTORE_JPEG_COMPONENTS];
    uint16_t tables[RESTORE_JPEG_COMPONENTS * RESTORE_JPEG_TABLE_SIZE];  // one after the other, in row-major order
    uint8_t is_progressive;
    uint8_t optimizes_codes;  // optimized Huffman tables; writing then keeps 2 bytes per stored sample in memory
    uint8_t stores_rgb;  // instead of YCbCr
} RestoreJPEGParameters;

/// How the file was coded; known after it has been decoded.
void restore_jpeg_parameters(const RestoreJPEGReader *reader, RestoreJPEGParameters *parameters);

/// Size of the image in bytes, from the beginning of the file: anything after it is not part of the image. 0 if
/// decoding did not reach the end of the image.
size_t restore_jpeg_size(const RestoreJPEGReader *reader);

void restore_jpeg_close(RestoreJPEGReader *reader);

/// How to encode. Without `parameters` (NULL): baseline, `quality` 1...100 as in libjpeg; nonzero `subsample_color`
/// halves the chroma in both directions (4:2:0), zero keeps it (4:4:4); `optimize_codes` as in the parameters.
typedef struct {
    int32_t quality;
    int32_t subsample_color;
    int32_t optimize_codes;
    const RestoreJPEGParameters *parameters;
    uint8_t density_unit;  // as in JFIF: 0 none, 1 inch, 2 centimeter
    uint16_t horizontal_density;
    uint16_t vertical_density;
    /// Precede the pixels, after JFIF's and Adobe's segments: each consists of 0xFF, its marker, the length of the rest
    /// including these 2 bytes (big-endian), and its payload.
    const uint8_t *segments;
    size_t segments_size;
} RestoreJPEGSettings;

int restore_jpeg_encode(const void *pixels, RestorePixelFormat format, const RestoreJPEGSettings *settings,
                        RestoreBytes *output, char *message);

/// Joins two files of the same size without decoding pixels: the coefficients and the table of `gray`, which has one
/// component, and the chroma of `color`, which has YCbCr with two tables. The result has no segments but JFIF's.
int restore_jpeg_join(const uint8_t *gray, size_t gray_size, const uint8_t *color, size_t color_size,
                      RestoreBytes *output, char *message);

#ifdef __cplusplus
}
#endif

#endif
