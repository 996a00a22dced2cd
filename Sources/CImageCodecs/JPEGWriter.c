// JPEG encoding over libjpeg(-turbo). ITU-T T.81; its libjpeg.txt documents the calls.
#include <setjmp.h>
#include <stdio.h>  // jpeglib.h needs FILE and size_t declared
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

#include "Codec.h"

// On the heap, where no compiler keeps it in a register across setjmp.
typedef struct {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf on_error;
    RestoreBytes *output;
    int code;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    JOCTET buffer[16384];
} Writer;

static void fail(j_common_ptr jpeg) {
    Writer *writer = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    restore_set_message(writer->message, text);
    writer->code =
        jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? RESTORE_CODEC_NO_MEMORY : RESTORE_CODEC_UNSUPPORTED;
    longjmp(writer->on_error, 1);
}

static void ignore_message(j_common_ptr jpeg, int level) {
    (void)jpeg;
    (void)level;
}

static void print_nothing(j_common_ptr jpeg) { (void)jpeg; }

static void init_destination(j_compress_ptr jpeg) {
    Writer *writer = jpeg->client_data;
    writer->destination.next_output_byte = writer->buffer;
    writer->destination.free_in_buffer = sizeof writer->buffer;
}

// Called when the buffer is full; the destination's counters are not up to date then (libjpeg.txt).
static boolean empty_buffer(j_compress_ptr jpeg) {
    Writer *writer = jpeg->client_data;
    if (!restore_bytes_append(writer->output, writer->buffer, sizeof writer->buffer)) {
        ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
    }
    init_destination(jpeg);
    return TRUE;
}

static void term_destination(j_compress_ptr jpeg) {
    Writer *writer = jpeg->client_data;
    size_t count = sizeof writer->buffer - writer->destination.free_in_buffer;
    if (!restore_bytes_append(writer->output, writer->buffer, count)) { ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0); }
}

static void set_parameters(j_compress_ptr jpeg, RestorePixelFormat format, int quality, int subsample_color) {
    jpeg->image_width = format.width;
    jpeg->image_height = format.height;
    jpeg->input_components = (int)format.channels;
    jpeg->in_color_space = format.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    // libjpeg's default is 4:2:0. Optimal Huffman tables would need the whole picture's coefficients in memory.
    if (format.channels == 3 && !subsample_color) {
        jpeg->comp_info[0].h_samp_factor = 1;
        jpeg->comp_info[0].v_samp_factor = 1;
    }
}

static int write_rows(Writer *writer, const uint8_t *pixels, RestorePixelFormat format, int quality,
                      int subsample_color) {
    if (setjmp(writer->on_error)) { return writer->code; }
    j_compress_ptr jpeg = &writer->jpeg;
    jpeg_create_compress(jpeg);
    writer->destination.init_destination = init_destination;
    writer->destination.empty_output_buffer = empty_buffer;
    writer->destination.term_destination = term_destination;
    jpeg->dest = &writer->destination;
    set_parameters(jpeg, format, quality, subsample_color);
    jpeg_start_compress(jpeg, TRUE);
    size_t row_size = restore_row_size(format);
    while (jpeg->next_scanline < jpeg->image_height) {
        // libjpeg takes rows without const and does not write to them.
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + jpeg->next_scanline * row_size);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return RESTORE_CODEC_OK;
}

int restore_jpeg_encode(const void *pixels, RestorePixelFormat format, int quality, int subsample_color,
                        RestoreBytes *output, char *message) {
    int has_channels = format.channels == 1 || format.channels == 3;
    if (restore_row_size(format) == 0 || !has_channels || format.bits_per_sample != 8 || quality < 1 ||
        quality > 100) {
        restore_set_message(message, "no such pixel format or quality");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    Writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        restore_set_message(message, "out of memory");
        return RESTORE_CODEC_NO_MEMORY;
    }
    writer->output = output;
    writer->jpeg.err = jpeg_std_error(&writer->errors);
    writer->errors.error_exit = fail;
    writer->errors.emit_message = ignore_message;
    writer->errors.output_message = print_nothing;
    writer->jpeg.client_data = writer;
    int code = write_rows(writer, pixels, format, quality, subsample_color);
    if (code != RESTORE_CODEC_OK) { restore_set_message(message, writer->message); }
    jpeg_destroy_compress(&writer->jpeg);
    free(writer);
    return code;
}
