// JPEG decoding over libjpeg(-turbo). ITU-T T.81; its libjpeg.txt documents the calls.
#include <setjmp.h>
#include <stdio.h>  // jpeglib.h needs FILE and size_t declared
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "Codec.h"
#include "JPEGRows.h"

// A real progressive file has about ten scans, and hardly more than sixty can carry new information. Each scan
// traverses the whole image, so a small file with thousands of scans would keep the decoder busy for hours. A large
// image may have fewer of them than a small one.
enum { MAXIMUM_SCANS = 500, SCANS_OF_ANY_PICTURE = 100 };
static const uint64_t maximum_scanned_pixels = 4000000000;

// Everything that must survive a longjmp lives here, on the heap, where no compiler keeps it in a register.
struct RestoreJPEGReader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf on_error;
    RestorePixelFormat format;
    RestoreJPEGParameters parameters;
    const uint8_t *bytes;
    size_t count;
    uint8_t *completed;  // the file with its height filled in; NULL if it was already there
    size_t size;
    int is_tolerant;
    int is_used;
    int lacks_end;       // the file ended without an end marker
    size_t left_over;    // bytes after the image that has no end marker
    RestoreWarnings warnings;
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

// libjpeg's words.
static const char ends_early[] = "Premature end of JPEG file";

static void fail(j_common_ptr jpeg) {
    RestoreJPEGReader *reader = jpeg->client_data;
    // libjpeg has continued with an end marker of its own.
    if (reader->lacks_end) { stop(reader, RESTORE_CODEC_DAMAGED, ends_early); }
    int code = RESTORE_CODEC_DAMAGED;
    switch (jpeg->err->msg_code) {
        case JERR_OUT_OF_MEMORY: code = RESTORE_CODEC_NO_MEMORY; break;
        case JERR_BAD_PRECISION:
        case JERR_SOF_UNSUPPORTED:
        case JERR_ARITH_NOTIMPL:
        case JERR_CONVERSION_NOTIMPL:
        case JERR_FRACT_SAMPLE_NOTIMPL:
        case JERR_CCIR601_NOTIMPL:
        case JERR_EMPTY_IMAGE:  // the height is given nowhere
        case JERR_NOTIMPL:
        case JERR_NOT_COMPILED: code = RESTORE_CODEC_UNSUPPORTED; break;
        default: break;
    }
    stop_with_library_message(jpeg, code);
}

// Bytes between the end of a scan and the next marker: some cameras pad with zeros or with 0xFF. Anything else is part
// of the scan in which the decoder has lost its position.
static int are_padding(j_decompress_ptr jpeg, int count) {
    const RestoreJPEGReader *reader = jpeg->client_data;
    const uint8_t *end = jpeg->src->next_input_byte;
    if (count < 0 || end - reader->bytes < count) { return 0; }
    for (const uint8_t *byte = end - count; byte < end; byte++) {
        if (*byte != 0 && *byte != 0xFF) { return 0; }
    }
    return 1;
}

// Whether all pixels are correct despite the warning.
//
// Without an end marker they are if every scan is complete (has_every_scan): a scan that has lost bytes, even a bit of
// its last block, is reported in another way, too. Without it, nothing tells where bytes after the image begin, either.
static int is_harmless(j_decompress_ptr jpeg) {
    RestoreJPEGReader *reader = jpeg->client_data;
    switch (jpeg->err->msg_code) {
        case JWRN_JPEG_EOF:
            // An arithmetic decoder continues with zeros without a word.
            reader->lacks_end = reader->is_used && !jpeg->arith_code;
            return reader->lacks_end;
        case JWRN_JFIF_MAJOR:
        case JWRN_ADOBE_XFORM:  // an unknown transform is read as the usual one
        case JWRN_BOGUS_ICC:
        case JWRN_NOT_SEQUENTIAL: return 1;  // parameters that have no meaning in such a scan
        // No pixel can be lost before the first scan.
        case JWRN_EXTRANEOUS_DATA:
            if (reader->lacks_end && jpeg->err->msg_parm.i[0] > 0) {
                reader->left_over = (size_t)jpeg->err->msg_parm.i[0];
                return 1;
            }
            return !reader->is_used || are_padding(jpeg, jpeg->err->msg_parm.i[0]);
        default: return 0;
    }
}

// libjpeg continues after a warning and fills what it could not decode with gray: such an image is rejected unless the
// reader is tolerant.
static void handle_message(j_common_ptr jpeg, int level) {
    if (level >= 0) { return; }  // a trace message
    RestoreJPEGReader *reader = jpeg->client_data;
    if (!is_harmless((j_decompress_ptr)jpeg) && !reader->is_tolerant) {
        // What has been lost is the rest of the file, whatever is noticed of it first.
        if (reader->lacks_end) { stop(reader, RESTORE_CODEC_DAMAGED, ends_early); }
        stop_with_library_message(jpeg, RESTORE_CODEC_DAMAGED);
    }
    // Reported when decoding has shown whether anything else is missing.
    if (reader->lacks_end && !reader->is_tolerant) { return; }
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    restore_add_warning(&reader->warnings, text);
}

static void print_nothing(j_common_ptr jpeg) { (void)jpeg; }

static void limit_scans(j_common_ptr common) {
    j_decompress_ptr jpeg = (j_decompress_ptr)common;
    const int scans = jpeg->input_scan_number;
    if (scans <= SCANS_OF_ANY_PICTURE) { return; }
    const uint64_t pixels = (uint64_t)jpeg->image_width * jpeg->image_height;
    if (scans > MAXIMUM_SCANS) {
        stop(common->client_data, RESTORE_CODEC_DAMAGED, "more than 500 progressive scans");
    }
    if ((uint64_t)scans > maximum_scanned_pixels / pixels) {
        stop(common->client_data, RESTORE_CODEC_DAMAGED, "more than 100 progressive scans of so large a picture");
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

// Whether bytes of a scan follow the header.
static int has_scan_bytes(j_decompress_ptr jpeg) {
    const uint8_t *next = jpeg->src->next_input_byte;
    return jpeg->src->bytes_in_buffer >= 2 && !(next[0] == 0xFF && next[1] != 0);
}

// libjpeg ignores DNL segments, so the height is inserted into such a file where libjpeg looks for it.
static void complete(RestoreJPEGReader *reader) {
    uint8_t rows[2];
    const size_t place = restore_jpeg_late_rows(reader->bytes, reader->count, rows);
    if (place == 0) { return; }
    reader->completed = malloc(reader->count);
    if (reader->completed == NULL) { stop(reader, RESTORE_CODEC_NO_MEMORY, "out of memory"); }
    memcpy(reader->completed, reader->bytes, reader->count);
    memcpy(reader->completed + place, rows, sizeof rows);
    reader->bytes = reader->completed;
}

static int read_header(RestoreJPEGReader *reader) {
    if (setjmp(reader->on_error)) { return reader->code; }
    j_decompress_ptr jpeg = &reader->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = reader;
    reader->progress.progress_monitor = limit_scans;
    jpeg->progress = &reader->progress;
    complete(reader);
    jpeg_mem_src(jpeg, reader->bytes, reader->count);
    jpeg_read_header(jpeg, TRUE);
    if (!has_scan_bytes(jpeg)) { stop(reader, RESTORE_CODEC_DAMAGED, ends_early); }
    choose_output(reader);
    reader->format.width = jpeg->image_width;
    reader->format.height = jpeg->image_height;
    reader->format.channels = (uint32_t)jpeg->num_components;
    reader->format.bits_per_sample = 8;
    if (restore_row_size(reader->format) == 0) {
        stop(reader, RESTORE_CODEC_DAMAGED, "the header gives an impossible size");
    }
    return RESTORE_CODEC_OK;
}

int restore_jpeg_open(const uint8_t *bytes, size_t count, int tolerant, RestoreJPEGReader **result,
                      RestorePixelFormat *format, char *message) {
    *result = NULL;
    RestoreJPEGReader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        restore_set_message(message, "out of memory");
        return RESTORE_CODEC_NO_MEMORY;
    }
    reader->bytes = bytes;
    reader->count = count;
    reader->is_tolerant = tolerant;
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = fail;
    reader->errors.emit_message = handle_message;
    reader->errors.output_message = print_nothing;
    // jpeg_create_decompress keeps this pointer and may itself fail.
    reader->jpeg.client_data = reader;
    int code = read_header(reader);
    if (code != RESTORE_CODEC_OK) {
        restore_set_message(message, reader->message);
        restore_jpeg_close(reader);
        return code;
    }
    *format = reader->format;
    *result = reader;
    return RESTORE_CODEC_OK;
}

// Adobe's programs store inverted inks, and their marker is the only indication of it (libjpeg.txt, "Special color
// spaces").
static void invert(uint8_t *samples, size_t count) {
    for (size_t index = 0; index < count; index++) { samples[index] ^= 0xFF; }
}

// A file may omit the scans of a component without any warning from libjpeg: it would be decoded as gray.
static void require_every_component(RestoreJPEGReader *reader) {
    for (int index = 0; index < reader->jpeg.num_components; index++) {
        // Set when the component's first scan begins.
        if (reader->jpeg.comp_info[index].quant_table != NULL) { continue; }
        static const char text[] = "a color component is missing";
        if (!reader->is_tolerant) { stop(reader, RESTORE_CODEC_DAMAGED, text); }
        restore_add_warning(&reader->warnings, text);
    }
}

// A progressive file may end, or have been cut off, between two scans: every pixel is there, but not as it should be.
// The decoder knows for each coefficient which of its bits it has received; 0 is all of them.
static int has_every_scan(const RestoreJPEGReader *reader) {
    const struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    if (!jpeg->progressive_mode || jpeg->coef_bits == NULL) { return 1; }
    for (int component = 0; component < jpeg->num_components; component++) {
        for (int coefficient = 0; coefficient < DCTSIZE2; coefficient++) {
            if (jpeg->coef_bits[component][coefficient] != 0) { return 0; }
        }
    }
    return 1;
}

// A file that lacks only its end marker is complete, as those of some phones and webcams.
static void require_whole_image(RestoreJPEGReader *reader, int has_scans) {
    if (!reader->lacks_end || reader->is_tolerant) { return; }
    if (!has_scans) { stop(reader, RESTORE_CODEC_DAMAGED, ends_early); }
    restore_add_warning(&reader->warnings, "the end marker is missing; nothing else is");
}

// Components often share a table: each table is listed once.
static uint8_t index_of_table(RestoreJPEGParameters *parameters, const JQUANT_TBL *table) {
    const size_t size = sizeof table->quantval;
    for (uint32_t index = 0; index < parameters->table_count; index++) {
        if (memcmp(parameters->tables + index * DCTSIZE2, table->quantval, size) == 0) { return (uint8_t)index; }
    }
    memcpy(parameters->tables + parameters->table_count * DCTSIZE2, table->quantval, size);
    return (uint8_t)parameters->table_count++;
}

// Whether a Huffman table differs from the standard ones used by writers that do not optimize (ITU-T T.81, annex K.3).
// The number of codes of each length is sufficient: an optimized table has codes only for the symbols that occur.
static int is_made_for_picture(const JHUFF_TBL *table, int is_ac) {
    static const UINT8 standard[2][2][16] = {
        {{0, 1, 5, 1, 1, 1, 1, 1, 1}, {0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
        {{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D}, {0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77}},
    };
    if (table == NULL) { return 0; }
    const UINT8 *counts = table->bits + 1;  // of 1 bit and longer
    return memcmp(counts, standard[is_ac][0], 16) != 0 && memcmp(counts, standard[is_ac][1], 16) != 0;
}

static int has_optimized_codes(j_decompress_ptr jpeg) {
    // These are chosen for small files.
    if (jpeg->arith_code || jpeg->progressive_mode) { return 1; }
    for (int index = 0; index < NUM_HUFF_TBLS; index++) {
        if (is_made_for_picture(jpeg->dc_huff_tbl_ptrs[index], 0)) { return 1; }
        if (is_made_for_picture(jpeg->ac_huff_tbl_ptrs[index], 1)) { return 1; }
    }
    return 0;
}

// Called before decoding is finished: libjpeg then frees its lists of components and tables but leaves the pointers
// unchanged.
static void keep_parameters(RestoreJPEGReader *reader) {
    RestoreJPEGParameters *parameters = &reader->parameters;
    const j_decompress_ptr jpeg = &reader->jpeg;
    if (jpeg->comp_info == NULL || jpeg->num_components > RESTORE_JPEG_COMPONENTS) { return; }
    for (int index = 0; index < jpeg->num_components; index++) {
        const jpeg_component_info *component = &jpeg->comp_info[index];
        if (component->quant_table == NULL) { return; }
        parameters->horizontal[index] = (uint8_t)component->h_samp_factor;
        parameters->vertical[index] = (uint8_t)component->v_samp_factor;
        parameters->table_index[index] = index_of_table(parameters, component->quant_table);
    }
    parameters->component_count = (uint32_t)jpeg->num_components;
    parameters->is_progressive = jpeg->progressive_mode != 0;
    parameters->optimizes_codes = has_optimized_codes(jpeg) != 0;
    parameters->stores_rgb = jpeg->jpeg_color_space == JCS_RGB;
}

// If the file ends too early, libjpeg has continued to an end marker of its own.
static size_t size_read(const RestoreJPEGReader *reader) {
    const struct jpeg_source_mgr *source = reader->jpeg.src;
    if (reader->lacks_end) { return reader->count - reader->left_over; }
    if (source->bytes_in_buffer > reader->count) { return reader->count; }
    const size_t size = reader->count - source->bytes_in_buffer;
    return source->next_input_byte == reader->bytes + size ? size : reader->count;
}

static int read_rows(RestoreJPEGReader *reader, uint8_t *pixels) {
    if (setjmp(reader->on_error)) { return reader->code; }
    j_decompress_ptr jpeg = &reader->jpeg;
    jpeg_start_decompress(jpeg);
    require_every_component(reader);
    size_t row_size = restore_row_size(reader->format);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = pixels + jpeg->output_scanline * row_size;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (is_cmyk(jpeg) && jpeg->saw_Adobe_marker) { invert(row, row_size); }
    }
    keep_parameters(reader);
    // Finishing frees what is known of the scans, and only then is the end of a sequential file looked for.
    const int has_scans = has_every_scan(reader);
    jpeg_finish_decompress(jpeg);
    require_whole_image(reader, has_scans);
    reader->size = size_read(reader);
    return RESTORE_CODEC_OK;
}

int restore_jpeg_decode(RestoreJPEGReader *reader, void *pixels, size_t size, char *message) {
    if (reader->is_used || size != restore_row_size(reader->format) * reader->format.height) {
        restore_set_message(message, "the reader was used before, or the buffer has the wrong size");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    reader->is_used = 1;
    // The value libjpeg fills with, too.
    if (reader->is_tolerant) { memset(pixels, 128, size); }
    int code = read_rows(reader, pixels);
    if (code == RESTORE_CODEC_DAMAGED && reader->is_tolerant && reader->jpeg.output_scanline > 0) {
        restore_add_warning(&reader->warnings, reader->message);
        if (reader->parameters.component_count == 0) { keep_parameters(reader); }
        code = RESTORE_CODEC_OK;
    }
    if (code != RESTORE_CODEC_OK) { restore_set_message(message, reader->message); }
    return code;
}

const char *restore_jpeg_warning(const RestoreJPEGReader *reader, uint32_t index) {
    return restore_warning(&reader->warnings, index);
}

void restore_jpeg_parameters(const RestoreJPEGReader *reader, RestoreJPEGParameters *parameters) {
    *parameters = reader->parameters;
}

size_t restore_jpeg_size(const RestoreJPEGReader *reader) { return reader->size; }

void restore_jpeg_close(RestoreJPEGReader *reader) {
    if (reader == NULL) { return; }
    jpeg_destroy_decompress(&reader->jpeg);
    free(reader->completed);
    free(reader);
}
