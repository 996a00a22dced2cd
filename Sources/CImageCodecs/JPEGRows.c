#include "JPEGRows.h"

enum { DHT = 0xC4, JPG = 0xC8, DAC = 0xCC, EOI = 0xD9, SOS = 0xDA, DNL = 0xDC };

static size_t number(const uint8_t *bytes) { return (size_t)bytes[0] << 8 | bytes[1]; }

static int begins_frame(uint8_t code) {
    return code >= 0xC0 && code <= 0xCF && code != DHT && code != JPG && code != DAC;
}

// The position of the second byte of the next marker that is followed by a segment, or the end. Skips what belongs to a
// scan: zeros after 0xFF and restart markers.
static size_t next_marker(const uint8_t *bytes, size_t count, size_t place) {
    for (; place + 1 < count; place++) {
        const uint8_t code = bytes[place + 1];
        const int stands_alone = code <= 1 || code == 0xFF || (code >= 0xD0 && code <= 0xD7);
        if (bytes[place] == 0xFF && !stands_alone) { return place + 1; }
    }
    return count;
}

size_t restore_jpeg_late_rows(const uint8_t *bytes, size_t count, uint8_t rows[2]) {
    size_t height = 0;
    int has_scan = 0;
    // The size of a segment includes its own two bytes.
    for (size_t place = next_marker(bytes, count, 2), size; place < count && count - place > 6;
         place = next_marker(bytes, count, place + 1 + size)) {
        const uint8_t code = bytes[place];
        size = number(bytes + place + 1);
        if (code == EOI || size < 2 || size > count - place - 1) { return 0; }
        if (has_scan) {
            if (code != DNL || size != 4 || number(bytes + place + 3) == 0) { return 0; }
            rows[0] = bytes[place + 3];
            rows[1] = bytes[place + 4];
            return height;
        }
        if (begins_frame(code)) {
            if (height != 0 || number(bytes + place + 4) != 0) { return 0; }
            height = place + 4;
        }
        if (code == SOS && height == 0) { return 0; }
        has_scan = code == SOS;
    }
    return 0;
}
