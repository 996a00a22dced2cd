#include <lcms2.h>

// Pixel formats are macros that Swift does not import.
static const cmsUInt32Number restore_lcms_cmyk_8 = TYPE_CMYK_8;
static const cmsUInt32Number restore_lcms_rgb_8 = TYPE_RGB_8;
