// Files that give their height after the first scan. ITU-T T.81, B.2.5.
#ifndef RESTORE_JPEG_ROWS_H
#define RESTORE_JPEG_ROWS_H

#include <stddef.h>
#include <stdint.h>

/// The position of the height in the frame header, if it is 0 there and is given by a DNL segment after the first scan;
/// `rows` then has its two bytes. 0 for all other files, which are only examined up to their frame header.
size_t restore_jpeg_late_rows(const uint8_t *bytes, size_t count, uint8_t rows[2]);

#endif
