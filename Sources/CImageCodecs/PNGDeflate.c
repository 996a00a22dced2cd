// Compresses filtered rows with deflate (RFC 1951), each piece separately, using zlib.
#include "PNGDeflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "Codec.h"

enum {
    // zlib counts its input in 32 bits.
    LARGEST_INPUT = 1 << 30,
    OUTPUT_ROOM = 64 << 10,
    WINDOW_BITS = 15,
    // The maximum: blocks of 32,768 symbols. Half of it, zlib's default, makes photographs 0.2% larger.
    MEMORY_LEVEL = 9,
    // Automatic compression evaluates a piece by a sample of this many bytes; a piece of fewer than four times as many
    // is not evaluated.
    SAMPLE_SIZE = 16 << 10,
};

/// zlib's level and strategy.
typedef struct {
    int level;
    int strategy;
} Method;

// libpng's default for filtered rows.
static const Method thorough = {6, Z_FILTERED};
// Only runs of equal bytes and Huffman codes, without a match search.
static const Method run_lengths = {6, Z_RLE};
// A brief match search, which shows whether a thorough one is worthwhile.
static const Method brief_look = {4, Z_DEFAULT_STRATEGY};

// Compresses `size` bytes, the last of them with `flush`, and appends them to `output`. Returns 0 if out of memory.
static int deflate_bytes(z_stream *stream, const uint8_t *bytes, size_t size, int flush, RestoreBytes *output) {
    uint8_t *const room = malloc(OUTPUT_ROOM);
    int is_done = 0, is_well = room != NULL;
    while (is_well && !is_done) {
        const size_t count = size < LARGEST_INPUT ? size : LARGEST_INPUT;
        stream->next_in = (Bytef *)bytes;
        stream->avail_in = (uInt)count;
        bytes += count;
        size -= count;
        is_done = size == 0;
        // Unused room indicates that no output is pending.
        do {
            stream->next_out = room;
            stream->avail_out = OUTPUT_ROOM;
            is_well = deflate(stream, is_done ? flush : Z_NO_FLUSH) != Z_STREAM_ERROR
                      && restore_bytes_append(output, room, OUTPUT_ROOM - stream->avail_out);
        } while (is_well && stream->avail_out == 0);
    }
    free(room);
    return is_well;
}

static int compress_by(Method method, RestoreDeflatePiece piece, RestoreBytes *output) {
    z_stream stream = {0};
    // Negative: without header and checksum, which the whole stream has only once.
    int status = deflateInit2(&stream, method.level, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, method.strategy);
    if (status != Z_OK) { return 0; }
    if (piece.history_size > 0) {
        const size_t size = piece.history_size < RESTORE_DEFLATE_WINDOW ? piece.history_size : RESTORE_DEFLATE_WINDOW;
        status = deflateSetDictionary(&stream, piece.history + (piece.history_size - size), (uInt)size);
    }
    const int flush = piece.is_last ? Z_FINISH : Z_SYNC_FLUSH;
    const int is_made = status == Z_OK && deflate_bytes(&stream, piece.bytes, piece.size, flush, output);
    deflateEnd(&stream);
    return is_made;
}

// Photographs hardly ever contain repetitions: searching for them takes most of the time and saves at most 3%. Drawings
// and screenshots do, and would grow by half without the search. A sample, with the preceding bytes of the piece as
// history, therefore determines the kind of image. See docs/decisions/0006-png-by-strips.md for the figures. Returns 0
// if out of memory.
static int choose_method(RestoreDeflatePiece piece, Method *method) {
    *method = thorough;
    if (piece.size < 4 * SAMPLE_SIZE) { return 1; }
    // The end of the piece has the most history.
    const size_t start = piece.size - SAMPLE_SIZE;
    const RestoreDeflatePiece sample = {piece.bytes, start, piece.bytes + start, SAMPLE_SIZE, 1};
    RestoreBytes looking_back = {0}, not_looking = {0};
    const int is_known = compress_by(brief_look, sample, &looking_back) && compress_by(run_lengths, sample, &not_looking);
    // Less than 5% is not worth it. A flat sample says nothing about the rest of the page.
    const int is_flat = not_looking.count < SAMPLE_SIZE / 4;
    if (is_known && !is_flat && looking_back.count * 20 > not_looking.count * 19) { *method = run_lengths; }
    restore_bytes_free(&looking_back);
    restore_bytes_free(&not_looking);
    return is_known;
}

int restore_png_deflate(RestoreDeflatePiece piece, int compression, RestoreBytes *output) {
    Method method = {compression, Z_FILTERED};
    if (compression == RESTORE_PNG_COMPRESSION_AUTOMATIC && !choose_method(piece, &method)) { return 0; }
    return compress_by(method, piece, output);
}
