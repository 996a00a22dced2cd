// JPEG encoding over libjpeg(-turbo). ITU-T T.81; its libjpeg.txt documents the calls.
#include <setjmp.h>
#include <stdio.h>  // jpeglib.h needs FILE and size_t declared
#include <stdlib.h>
#include <string.h>

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

// Tables and sampling of an earlier file. Their sizes and values have been validated.
static void repeat_parameters(j_compress_ptr jpeg, const RestoreJPEGParameters *parameters) {
    for (uint32_t index = 0; index < parameters->table_count; index++) {
        if (jpeg->quant_tbl_ptrs[index] == NULL) {
            jpeg->quant_tbl_ptrs[index] = jpeg_alloc_quant_table((j_common_ptr)jpeg);
        }
        JQUANT_TBL *table = jpeg->quant_tbl_ptrs[index];
        memcpy(table->quantval, parameters->tables + index * DCTSIZE2, sizeof table->quantval);
        table->sent_table = FALSE;
    }
    for (int index = 0; index < jpeg->num_components; index++) {
        jpeg->comp_info[index].h_samp_factor = parameters->horizontal[index];
        jpeg->comp_info[index].v_samp_factor = parameters->vertical[index];
        jpeg->comp_info[index].quant_tbl_no = parameters->table_index[index];
    }
}

static void set_parameters(j_compress_ptr jpeg, RestorePixelFormat format, const RestoreJPEGSettings *settings) {
    const RestoreJPEGParameters *parameters = settings->parameters;
    jpeg->image_width = format.width;
    jpeg->image_height = format.height;
    jpeg->input_components = (int)format.channels;
    jpeg->in_color_space = format.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    if (parameters == NULL) {
        jpeg_set_quality(jpeg, settings->quality, TRUE);
        jpeg->optimize_coding = settings->optimize_codes != 0;
        // libjpeg's default is 4:2:0.
        if (format.channels == 3 && !settings->subsample_color) {
            jpeg->comp_info[0].h_samp_factor = 1;
            jpeg->comp_info[0].v_samp_factor = 1;
        }
    } else {
        if (parameters->stores_rgb) { jpeg_set_colorspace(jpeg, JCS_RGB); }
        repeat_parameters(jpeg, parameters);
        jpeg->optimize_coding = parameters->optimizes_codes != 0;
        if (parameters->is_progressive) { jpeg_simple_progression(jpeg); }
    }
    jpeg->dct_method = JDCT_ISLOW;
    if (settings->horizontal_density > 0 && settings->vertical_density > 0) {
        jpeg->density_unit = settings->density_unit;
        jpeg->X_density = settings->horizontal_density;
        jpeg->Y_density = settings->vertical_density;
    }
}

static void write_segments(Writer *writer, const uint8_t *segments, size_t size) {
    while (size > 0) {
        const size_t length = size < 4 ? 0 : (size_t)segments[2] << 8 | segments[3];
        if (length < 2 || length + 2 > size) { ERREXIT(&writer->jpeg, JERR_BAD_LENGTH); }
        jpeg_write_marker(&writer->jpeg, segments[1], segments + 4, (unsigned)(length - 2));
        segments += length + 2;
        size -= length + 2;
    }
}

static int write_rows(Writer *writer, const uint8_t *pixels, RestorePixelFormat format,
                      const RestoreJPEGSettings *settings) {
    if (setjmp(writer->on_error)) { return writer->code; }
    j_compress_ptr jpeg = &writer->jpeg;
    jpeg_create_compress(jpeg);
    writer->destination.init_destination = init_destination;
    writer->destination.empty_output_buffer = empty_buffer;
    writer->destination.term_destination = term_destination;
    jpeg->dest = &writer->destination;
    set_parameters(jpeg, format, settings);
    jpeg_start_compress(jpeg, TRUE);
    write_segments(writer, settings->segments, settings->segments_size);
    size_t row_size = restore_row_size(format);
    while (jpeg->next_scanline < jpeg->image_height) {
        // libjpeg takes rows without const and does not write to them.
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + jpeg->next_scanline * row_size);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return RESTORE_CODEC_OK;
}

// libjpeg divides by the table's values times 8, in 16 bits: larger ones would cause a division by zero.
enum { LARGEST_DIVISOR = 8191 };

static int can_repeat(const RestoreJPEGParameters *parameters, RestorePixelFormat format) {
    if (parameters->component_count != format.channels) { return 0; }
    if (parameters->table_count > RESTORE_JPEG_COMPONENTS) { return 0; }
    for (uint32_t index = 0; index < parameters->component_count; index++) {
        if (parameters->table_index[index] >= parameters->table_count) { return 0; }
    }
    for (uint32_t index = 0; index < parameters->table_count * RESTORE_JPEG_TABLE_SIZE; index++) {
        if (parameters->tables[index] < 1 || parameters->tables[index] > LARGEST_DIVISOR) { return 0; }
    }
    return 1;
}

static int is_valid(const RestoreJPEGSettings *settings, RestorePixelFormat format) {
    const int has_channels = format.channels == 1 || format.channels == 3;
    if (restore_row_size(format) == 0 || !has_channels || format.bits_per_sample != 8) { return 0; }
    if (settings->parameters != NULL) { return can_repeat(settings->parameters, format); }
    return settings->quality >= 1 && settings->quality <= 100;
}

int restore_jpeg_encode(const void *pixels, RestorePixelFormat format, const RestoreJPEGSettings *settings,
                        RestoreBytes *output, char *message) {
    if (!is_valid(settings, format)) {
        restore_set_message(message, "no such pixel format, quality or tables");
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
    int code = write_rows(writer, pixels, format, settings);
    if (code != RESTORE_CODEC_OK) { restore_set_message(message, writer->message); }
    jpeg_destroy_compress(&writer->jpeg);
    free(writer);
    return code;
}
