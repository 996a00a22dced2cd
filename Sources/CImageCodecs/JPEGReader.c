// JPEG decoding over libjpeg(-turbo). ITU-T T.81; its libjpeg.txt documents the calls.
#include <setjmp.h>
#include <stdio.h>  // jpeglib.h needs FILE and size_t declared
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "Codec.h"

// A real progressive file has about ten scans. Each one walks over the whole picture, so that a small file with
// thousands of scans would keep the decoder busy for hours.
enum { MAXIMUM_SCANS = 500 };

// Everything that must survive a longjmp lives here, on the heap, where no compiler keeps it in a register.
struct RestoreJPEGReader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf on_error;
    RestorePixelFormat format;
    uint8_t *cmyk_row;
    int is_used;
    int code;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
};

static void stop(RestoreJPEGReader *reader, int code, const char *text) {
    reader->code = code;
    restore_set_message(reader->message, text);
    longjmp(reader->on_error, 1);
}

static void stop_with_library_message(j_common_ptr jpeg, int code) {
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    stop(jpeg->client_data, code, text);
}

static void fail(j_common_ptr jpeg) {
    int code = RESTORE_CODEC_DAMAGED;
    switch (jpeg->err->msg_code) {
        case JERR_OUT_OF_MEMORY: code = RESTORE_CODEC_NO_MEMORY; break;
        case JERR_BAD_PRECISION:
        case JERR_SOF_UNSUPPORTED:
        case JERR_ARITH_NOTIMPL:
        case JERR_CONVERSION_NOTIMPL:
        case JERR_FRACT_SAMPLE_NOTIMPL:
        case JERR_CCIR601_NOTIMPL:
        case JERR_NOTIMPL:
        case JERR_NOT_COMPILED: code = RESTORE_CODEC_UNSUPPORTED; break;
        default: break;
    }
    stop_with_library_message(jpeg, code);
}

// libjpeg goes on after a warning and fills what it could not decode with grey: such a picture is refused.
static void handle_message(j_common_ptr jpeg, int level) {
    if (level >= 0) { return; }  // a trace message
    switch (jpeg->err->msg_code) {
        case JWRN_JFIF_MAJOR:   // these three are about metadata, the pixels are whole
        case JWRN_ADOBE_XFORM:
        case JWRN_BOGUS_ICC: return;
        default: stop_with_library_message(jpeg, RESTORE_CODEC_DAMAGED);
    }
}

static void print_nothing(j_common_ptr jpeg) { (void)jpeg; }

static void limit_scans(j_common_ptr jpeg) {
    if (((j_decompress_ptr)jpeg)->input_scan_number > MAXIMUM_SCANS) {
        stop(jpeg->client_data, RESTORE_CODEC_DAMAGED, "more than 500 progressive scans");
    }
}

static int is_cmyk(j_decompress_ptr jpeg) {
    return jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
}

static void choose_output(RestoreJPEGReader *reader) {
    j_decompress_ptr jpeg = &reader->jpeg;
    if (is_cmyk(jpeg)) {
        jpeg->out_color_space = JCS_CMYK;
    } else if (jpeg->num_components == 1) {
        jpeg->out_color_space = JCS_GRAYSCALE;
    } else if (jpeg->num_components == 3) {
        jpeg->out_color_space = JCS_RGB;
    } else {
        stop(reader, RESTORE_CODEC_UNSUPPORTED, "a JPEG with this number of components is not supported");
    }
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
}

static int read_header(RestoreJPEGReader *reader, const uint8_t *bytes, size_t count) {
    if (setjmp(reader->on_error)) { return reader->code; }
    j_decompress_ptr jpeg = &reader->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = reader;
    reader->progress.progress_monitor = limit_scans;
    jpeg->progress = &reader->progress;
    jpeg_mem_src(jpeg, bytes, count);
    jpeg_read_header(jpeg, TRUE);
    choose_output(reader);
    reader->format.width = jpeg->image_width;
    reader->format.height = jpeg->image_height;
    reader->format.channels = jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    reader->format.bits_per_sample = 8;
    if (restore_row_size(reader->format) == 0) {
        stop(reader, RESTORE_CODEC_DAMAGED, "the header gives an impossible size");
    }
    return RESTORE_CODEC_OK;
}

int restore_jpeg_open(const uint8_t *bytes, size_t count, RestoreJPEGReader **result, RestorePixelFormat *format,
                      char *message) {
    *result = NULL;
    RestoreJPEGReader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        restore_set_message(message, "out of memory");
        return RESTORE_CODEC_NO_MEMORY;
    }
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = fail;
    reader->errors.emit_message = handle_message;
    reader->errors.output_message = print_nothing;
    // jpeg_create_decompress keeps this pointer and may fail itself.
    reader->jpeg.client_data = reader;
    int code = read_header(reader, bytes, count);
    if (code != RESTORE_CODEC_OK) {
        restore_set_message(message, reader->message);
        restore_jpeg_close(reader);
        return code;
    }
    *format = reader->format;
    *result = reader;
    return RESTORE_CODEC_OK;
}

static uint8_t multiplied(unsigned first, unsigned second) { return (uint8_t)((first * second + 127) / 255); }

// R = (1 - C)(1 - K) and so on, without colour management: good enough to look at; profiles come later.
// Adobe's programs store the inverted inks, and their marker is the only sign of it (libjpeg.txt, "Special
// color spaces").
static void convert_cmyk(const uint8_t *cmyk, uint8_t *rgb, uint32_t width, int is_inverted) {
    const unsigned flip = is_inverted ? 0 : 255;
    for (uint32_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        const unsigned light = cmyk[3] ^ flip;
        for (int channel = 0; channel < 3; channel++) {
            rgb[channel] = multiplied(cmyk[channel] ^ flip, light);
        }
    }
}

// A file may leave out the scans of a component without any warning from libjpeg: it would decode as grey.
static void require_every_component(RestoreJPEGReader *reader) {
    for (int index = 0; index < reader->jpeg.num_components; index++) {
        // Set when the component's first scan begins.
        if (reader->jpeg.comp_info[index].quant_table == NULL) {
            stop(reader, RESTORE_CODEC_DAMAGED, "a color component is missing");
        }
    }
}

static int read_rows(RestoreJPEGReader *reader, uint8_t *pixels) {
    if (setjmp(reader->on_error)) { return reader->code; }
    j_decompress_ptr jpeg = &reader->jpeg;
    jpeg_start_decompress(jpeg);
    require_every_component(reader);
    size_t row_size = restore_row_size(reader->format);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *target = pixels + jpeg->output_scanline * row_size;
        JSAMPROW row = reader->cmyk_row != NULL ? reader->cmyk_row : target;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (reader->cmyk_row != NULL) {
            convert_cmyk(reader->cmyk_row, target, jpeg->output_width, jpeg->saw_Adobe_marker);
        }
    }
    jpeg_finish_decompress(jpeg);
    return RESTORE_CODEC_OK;
}

int restore_jpeg_decode(RestoreJPEGReader *reader, void *pixels, size_t size, char *message) {
    if (reader->is_used || size != restore_row_size(reader->format) * reader->format.height) {
        restore_set_message(message, "the reader was used before, or the buffer has the wrong size");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    reader->is_used = 1;
    if (reader->jpeg.out_color_space == JCS_CMYK) {
        reader->cmyk_row = malloc((size_t)reader->format.width * 4);
        if (reader->cmyk_row == NULL) {
            restore_set_message(message, "out of memory");
            return RESTORE_CODEC_NO_MEMORY;
        }
    }
    int code = read_rows(reader, pixels);
    if (code != RESTORE_CODEC_OK) { restore_set_message(message, reader->message); }
    return code;
}

void restore_jpeg_close(RestoreJPEGReader *reader) {
    if (reader == NULL) { return; }
    jpeg_destroy_decompress(&reader->jpeg);
    free(reader->cmyk_row);
    free(reader);
}
