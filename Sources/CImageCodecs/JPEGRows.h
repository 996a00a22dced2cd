// Files whose number of rows comes after them. ITU-T T.81, B.2.5.
#ifndef RESTORE_JPEG_ROWS_H
#define RESTORE_JPEG_ROWS_H

#include <stddef.h>
#include <stdint.h>

/// The place of the height in the frame header, where it is 0 there and a DNL segment after the first scan gives it;
/// then `rows` has its two bytes. 0 for all other files, which are looked at only as far as their frame header.
size_t restore_jpeg_late_rows(const uint8_t *bytes, size_t count, uint8_t rows[2]);

#endif
