// Joining the coefficients of two JPEG files over libjpeg(-turbo); its libjpeg.txt documents the calls.
#include <setjmp.h>
#include <stdio.h>  // jpeglib.h needs FILE and size_t declared
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "Codec.h"

enum { GRAY, COLOR, SOURCES };

// On the heap, where no compiler keeps it in a register across setjmp.
typedef struct {
    struct jpeg_decompress_struct sources[SOURCES];
    struct jpeg_compress_struct result;
    struct jpeg_error_mgr errors;
    jmp_buf on_error;
    unsigned char *bytes;  // allocated by libjpeg
    unsigned long size;
    int code;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
} Joint;

static void fail(j_common_ptr jpeg) {
    Joint *joint = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    restore_set_message(joint->message, text);
    joint->code = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? RESTORE_CODEC_NO_MEMORY : RESTORE_CODEC_DAMAGED;
    longjmp(joint->on_error, 1);
}

// A warning of the decoder means lost data: the files have been decoded without one before.
static void fail_at_warning(j_common_ptr jpeg, int level) {
    if (level < 0) { fail(jpeg); }
}

static void print_nothing(j_common_ptr jpeg) { (void)jpeg; }

static jvirt_barray_ptr *read_coefficients(Joint *joint, int index, const uint8_t *bytes, size_t count) {
    j_decompress_ptr jpeg = &joint->sources[index];
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, bytes, count);
    jpeg_read_header(jpeg, TRUE);
    return jpeg_read_coefficients(jpeg);
}

static int fits(const Joint *joint) {
    const struct jpeg_decompress_struct *gray = &joint->sources[GRAY], *color = &joint->sources[COLOR];
    return gray->num_components == 1 && color->num_components == 3 && color->jpeg_color_space == JCS_YCbCr
        && gray->image_width == color->image_width && gray->image_height == color->image_height
        && gray->comp_info[0].width_in_blocks == color->comp_info[0].width_in_blocks
        && gray->comp_info[0].height_in_blocks == color->comp_info[0].height_in_blocks;
}

// The arrays differ in how many rows of blocks can be accessed at a time, so the coefficients are copied.
static void copy_luma(Joint *joint, jvirt_barray_ptr from, jvirt_barray_ptr to) {
    j_decompress_ptr gray = &joint->sources[GRAY], color = &joint->sources[COLOR];
    const jpeg_component_info *luma = &gray->comp_info[0];
    for (JDIMENSION row = 0; row < luma->height_in_blocks; row++) {
        JBLOCKARRAY source = gray->mem->access_virt_barray((j_common_ptr)gray, from, row, 1, FALSE);
        JBLOCKARRAY target = color->mem->access_virt_barray((j_common_ptr)color, to, row, 1, TRUE);
        memcpy(target[0], source[0], luma->width_in_blocks * sizeof(JBLOCK));
    }
}

static int join(Joint *joint, const uint8_t *gray, size_t gray_size, const uint8_t *color, size_t color_size) {
    if (setjmp(joint->on_error)) { return joint->code; }
    jvirt_barray_ptr *luma = read_coefficients(joint, GRAY, gray, gray_size);
    // All three components; the first is replaced.
    jvirt_barray_ptr *chroma = read_coefficients(joint, COLOR, color, color_size);
    const JQUANT_TBL *table = joint->sources[GRAY].comp_info[0].quant_table;
    if (!fits(joint) || table == NULL) {
        restore_set_message(joint->message, "the files do not belong together");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    j_compress_ptr result = &joint->result;
    jpeg_create_compress(result);
    jpeg_mem_dest(result, &joint->bytes, &joint->size);
    jpeg_copy_critical_parameters(&joint->sources[COLOR], result);
    // The color file has a table of its own for luma.
    JQUANT_TBL *own = result->quant_tbl_ptrs[result->comp_info[0].quant_tbl_no];
    memcpy(own->quantval, table->quantval, sizeof own->quantval);
    result->optimize_coding = TRUE;
    if (joint->sources[GRAY].progressive_mode) { jpeg_simple_progression(result); }
    copy_luma(joint, luma[0], chroma[0]);
    jpeg_write_coefficients(result, chroma);
    jpeg_finish_compress(result);
    return RESTORE_CODEC_OK;
}

int restore_jpeg_join(const uint8_t *gray, size_t gray_size, const uint8_t *color, size_t color_size,
                      RestoreBytes *output, char *message) {
    Joint *joint = calloc(1, sizeof *joint);
    if (joint == NULL) {
        restore_set_message(message, "out of memory");
        return RESTORE_CODEC_NO_MEMORY;
    }
    struct jpeg_error_mgr *errors = jpeg_std_error(&joint->errors);
    errors->error_exit = fail;
    errors->emit_message = fail_at_warning;
    errors->output_message = print_nothing;
    joint->result.err = errors;
    joint->result.client_data = joint;
    for (int index = 0; index < SOURCES; index++) {
        joint->sources[index].err = errors;
        joint->sources[index].client_data = joint;
    }
    int code = join(joint, gray, gray_size, color, color_size);
    if (code == RESTORE_CODEC_OK && !restore_bytes_append(output, joint->bytes, joint->size)) {
        restore_set_message(joint->message, "out of memory");
        code = RESTORE_CODEC_NO_MEMORY;
    }
    if (code != RESTORE_CODEC_OK) { restore_set_message(message, joint->message); }
    jpeg_destroy_compress(&joint->result);
    for (int index = 0; index < SOURCES; index++) { jpeg_destroy_decompress(&joint->sources[index]); }
    free(joint->bytes);
    free(joint);
    return code;
}
