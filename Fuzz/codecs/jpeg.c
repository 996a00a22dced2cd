// The JPEG reader on arbitrary bytes, strict and tolerant; decoded images are written, with a quality and with the
// parameters of the file, and read again.
#include <stdlib.h>
#include <string.h>

#include "CImageCodecs.h"

enum { MOST_PIXELS = 1 << 16, MOST_WARNINGS = 1000 };

typedef struct {
    uint8_t *pixels;
    RestorePixelFormat format;
    RestoreJPEGParameters parameters;
} Picture;

static size_t size_of(RestorePixelFormat format) { return (size_t)format.width * format.height * format.channels; }

// Checks that each line is terminated, and that the list ends.
static void read_warnings(const RestoreJPEGReader *reader) {
    uint32_t count = 0;
    for (const char *line; (line = restore_jpeg_warning(reader, count)) != NULL; count++) {
        if (strlen(line) >= RESTORE_CODEC_MESSAGE_SIZE || count > MOST_WARNINGS) { abort(); }
    }
}

// Checks what the reader guarantees about them.
static void check_parameters(const RestoreJPEGParameters *parameters, RestorePixelFormat format) {
    if (parameters->component_count == 0) { return; }  // a component was missing
    if (parameters->component_count != format.channels) { abort(); }
    if (parameters->table_count < 1 || parameters->table_count > parameters->component_count) { abort(); }
    for (uint32_t index = 0; index < parameters->component_count; index++) {
        if (parameters->table_index[index] >= parameters->table_count) { abort(); }
        if (parameters->horizontal[index] < 1 || parameters->horizontal[index] > 4) { abort(); }
        if (parameters->vertical[index] < 1 || parameters->vertical[index] > 4) { abort(); }
    }
}

// pixels is NULL if nothing was decoded.
static Picture decoded(const uint8_t *bytes, size_t count, int tolerant) {
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    RestoreJPEGReader *reader;
    Picture picture = {0};
    if (restore_jpeg_open(bytes, count, tolerant, &reader, &picture.format, message) != RESTORE_CODEC_OK) { return picture; }
    if ((uint64_t)picture.format.width * picture.format.height <= MOST_PIXELS) {
        const size_t size = size_of(picture.format);
        picture.pixels = malloc(size);
        if (restore_jpeg_decode(reader, picture.pixels, size, message) != RESTORE_CODEC_OK) {
            free(picture.pixels);
            picture.pixels = NULL;
        }
        restore_jpeg_parameters(reader, &picture.parameters);
        read_warnings(reader);
    }
    restore_jpeg_close(reader);
    if (picture.pixels != NULL) { check_parameters(&picture.parameters, picture.format); }
    return picture;
}

// Returns whether it was written. Written files must be readable, with the same size.
static int write_and_read(const Picture *picture, const RestoreJPEGSettings *settings) {
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    RestoreBytes output = {0};
    const int code = restore_jpeg_encode(picture->pixels, picture->format, settings, &output, message);
    if (code == RESTORE_CODEC_OK) {
        Picture again = decoded(output.bytes, output.count, 0);
        if (again.pixels == NULL || memcmp(&again.format, &picture->format, sizeof again.format) != 0) { abort(); }
        if (settings->parameters != NULL) {
            // The new file must have the parameters that were kept.
            const RestoreJPEGParameters *kept = settings->parameters;
            if (again.parameters.component_count != kept->component_count) { abort(); }
            for (uint32_t index = 0; index < kept->component_count; index++) {
                const uint16_t *table = kept->tables + kept->table_index[index] * RESTORE_JPEG_TABLE_SIZE;
                const uint16_t *other =
                    again.parameters.tables + again.parameters.table_index[index] * RESTORE_JPEG_TABLE_SIZE;
                if (memcmp(table, other, RESTORE_JPEG_TABLE_SIZE * sizeof *table) != 0) { abort(); }
            }
        }
        free(again.pixels);
    }
    restore_bytes_free(&output);
    return code == RESTORE_CODEC_OK;
}

static void check_writer(const Picture *picture, const uint8_t *bytes, size_t count) {
    if (picture->format.channels == 4) { return; }  // CMYK is not written
    static const uint8_t comment[] = {0xFF, 0xFE, 0, 5, 'a', 'b', 'c'};
    RestoreJPEGSettings settings = {
        .quality = 1 + bytes[count - 1] % 100,
        .subsample_color = bytes[count / 2] & 1,
        .density_unit = 1,
        .horizontal_density = 300,
        .vertical_density = 300,
        .segments = comment,
        .segments_size = sizeof comment,
    };
    if (!write_and_read(picture, &settings)) { abort(); }
    // Reading accepts more than writing, so rejection is correct too.
    settings.parameters = &picture->parameters;
    write_and_read(picture, &settings);
    // An arbitrary list of segments.
    uint8_t *segments = malloc(count);
    memcpy(segments, bytes, count);
    settings.parameters = NULL;
    settings.segments = segments;
    settings.segments_size = count;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    RestoreBytes output = {0};
    restore_jpeg_encode(picture->pixels, picture->format, &settings, &output, message);
    restore_bytes_free(&output);
    free(segments);
}

// A tolerant reader accepts everything that a strict one does, with the same result.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    Picture strict = decoded(bytes, count, 0);
    Picture tolerant = decoded(bytes, count, 1);
    if (strict.pixels != NULL) {
        if (tolerant.pixels == NULL || memcmp(&strict.format, &tolerant.format, sizeof strict.format) != 0) { abort(); }
        if (memcmp(strict.pixels, tolerant.pixels, size_of(strict.format)) != 0) { abort(); }
    }
    if (tolerant.pixels != NULL) { check_writer(&tolerant, bytes, count); }
    free(strict.pixels);
    free(tolerant.pixels);
    return 0;
}
