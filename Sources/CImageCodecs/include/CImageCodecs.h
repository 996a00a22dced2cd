// Reading and writing PNG and JPEG in memory, over libpng, zlib and libjpeg.
//
// Both libraries report errors with longjmp, which Swift cannot survive: it is caught in this module, and
// every function here returns one of the codes below and, on failure, one line of text. Nothing is printed.
#ifndef RESTORE_IMAGE_CODECS_H
#define RESTORE_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RESTORE_CODEC_OK = 0,
    RESTORE_CODEC_DAMAGED = 1,      // the file breaks its format's rules, or ends too early
    RESTORE_CODEC_UNSUPPORTED = 2,  // a valid file, or a picture, of a kind that is not supported
    RESTORE_CODEC_NO_MEMORY = 3,
};

/// Room for a message with its closing NUL; every `message` below points to that many bytes.
enum { RESTORE_CODEC_MESSAGE_SIZE = 256 };

/// The pixels that decoding gives, or that encoding takes: interleaved, row after row from the top left,
/// without padding. Channels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha (not premultiplied).
/// Samples of 16 bits are uint16_t in the machine's byte order.
typedef struct {
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    uint32_t bits_per_sample;  // 8 or 16
} RestorePixelFormat;

/// A growing block of memory that an encoder fills; start with all zeros, end with restore_bytes_free.
typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
} RestoreBytes;

void restore_bytes_free(RestoreBytes *bytes);

// PNG. Palettes come out as RGB, samples of 1, 2 and 4 bits as 8 (scaled to 0...255), tRNS as alpha.
// Gamma and color profiles are not applied.

typedef struct RestorePNGReader RestorePNGReader;

/// Reads everything before the pixels; takes no memory that depends on the size the file claims to have.
/// `bytes` must stay until the reader is closed. On failure *reader is NULL. `tolerant` nonzero: what is damaged is a
/// warning as long as some row can be read.
int restore_png_open(const uint8_t *bytes, size_t count, int tolerant, RestorePNGReader **reader,
                     RestorePixelFormat *format, char *message);

/// Decodes into `pixels`, `size` bytes: exactly those of the format that opening gave. Once a reader.
/// After a failure the contents of `pixels` are undefined and may be uninitialized in part. A tolerant reader leaves
/// zeros where the file says nothing.
int restore_png_decode(RestorePNGReader *reader, void *pixels, size_t size, char *message);

/// What was noticed so far and is no failure, one line each; NULL from the first index on that there is none for.
const char *restore_png_warning(const RestorePNGReader *reader, uint32_t index);

void restore_png_close(RestorePNGReader *reader);

// Writing takes three steps, so that the caller's threads can share the second: open, every strip, finish. How a picture is
// cut into strips depends on its size alone; the file is the same whoever writes them and in whatever order.

typedef struct RestorePNGWriter RestorePNGWriter;

/// zlib's level 6 where repetitions are worth searching for, run lengths and Huffman codes elsewhere: photographs take a
/// sixth to a half of the time and up to 3 % more bytes.
enum { RESTORE_PNG_COMPRESSION_AUTOMATIC = -1 };

/// Takes memory for the list of strips only. `compression` is zlib's level, 0 (none) to 9 (best), or automatic. `pixels` must stay,
/// unchanged, until the writer is closed. On failure *writer is NULL.
int restore_png_writer_open(const void *pixels, RestorePixelFormat format, int compression, RestorePNGWriter **writer,
                            uint32_t *strip_count, char *message);

/// Filters and compresses strip `index` of 0 ..< strip_count, each once. May be called by several threads at once. What
/// goes wrong is kept for restore_png_writer_finish.
void restore_png_write_strip(RestorePNGWriter *writer, uint32_t index);

/// Joins the strips to a file, once. Gives up their memory meanwhile. `chunks` stand before the pixels: each its
/// payload's length (4 bytes, big-endian), its name (4 bytes) and its payload; the checksums are added here. Those behind an
/// empty `IDAT` stand behind the pixels.
int restore_png_writer_finish(RestorePNGWriter *writer, const uint8_t *chunks, size_t chunks_size,
                              RestoreBytes *output, char *message);

void restore_png_writer_close(RestorePNGWriter *writer);

// JPEG. Always 8 bits; 1, 3 or 4 channels. YCbCr comes out as RGB, YCCK as CMYK: 255 is full ink, however the file
// stores it.

typedef struct RestoreJPEGReader RestoreJPEGReader;

/// See restore_png_open. Four channels are inks here, not RGB and alpha.
int restore_jpeg_open(const uint8_t *bytes, size_t count, int tolerant, RestoreJPEGReader **reader,
                      RestorePixelFormat *format, char *message);

/// See restore_png_decode. A file that decodes only in part is RESTORE_CODEC_DAMAGED, unless the reader is tolerant: then
/// gray stands where the file says nothing.
int restore_jpeg_decode(RestoreJPEGReader *reader, void *pixels, size_t size, char *message);

/// See restore_png_warning.
const char *restore_jpeg_warning(const RestoreJPEGReader *reader, uint32_t index);

enum { RESTORE_JPEG_COMPONENTS = 4, RESTORE_JPEG_TABLE_SIZE = 64 };

/// How finely a JPEG file stores what. At most as many tables as components.
typedef struct {
    uint32_t component_count;
    uint32_t table_count;
    uint8_t horizontal[RESTORE_JPEG_COMPONENTS];  // sampling factors, 1...4
    uint8_t vertical[RESTORE_JPEG_COMPONENTS];
    uint8_t table_index[RESTORE_JPEG_COMPONENTS];
    uint16_t tables[RESTORE_JPEG_COMPONENTS * RESTORE_JPEG_TABLE_SIZE];  // one after the other, row by row
    uint8_t is_progressive;
    uint8_t optimizes_codes;  // Huffman tables are made for the picture; writing holds 2 bytes a stored sample meanwhile
    uint8_t stores_rgb;  // instead of YCbCr
} RestoreJPEGParameters;

/// How the file was coded; known once it was decoded.
void restore_jpeg_parameters(const RestoreJPEGReader *reader, RestoreJPEGParameters *parameters);

/// Bytes of the picture, from the first of the file on: what follows is none of it. 0 where decoding did not come to the
/// picture's end.
size_t restore_jpeg_size(const RestoreJPEGReader *reader);

void restore_jpeg_close(RestoreJPEGReader *reader);

/// How to encode. Without `parameters` (NULL): baseline, `quality` 1...100 as in libjpeg, and `subsample_color` nonzero
/// halves the chroma in both directions (4:2:0), zero keeps it (4:4:4); `optimize_codes` as in the parameters.
typedef struct {
    int32_t quality;
    int32_t subsample_color;
    int32_t optimize_codes;
    const RestoreJPEGParameters *parameters;
    uint8_t density_unit;  // as JFIF has it: 0 none, 1 inch, 2 centimetre
    uint16_t horizontal_density;
    uint16_t vertical_density;
    /// Stand before the pixels, after JFIF's and Adobe's: each 0xFF, its marker, the length of the rest with these
    /// 2 bytes (big-endian), its payload.
    const uint8_t *segments;
    size_t segments_size;
} RestoreJPEGSettings;

int restore_jpeg_encode(const void *pixels, RestorePixelFormat format, const RestoreJPEGSettings *settings,
                        RestoreBytes *output, char *message);

#ifdef __cplusplus
}
#endif

#endif
