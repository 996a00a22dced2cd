// All kernels for one instruction set; see the headers for the macros they require.
#include "vectors_template.h"
#include "gemm_template.h"
#include "winograd_template.h"
#include "depthwise_template.h"
#include "normalization_template.h"

#undef INLINE
#undef TARGET
#undef LANES
#undef NAME
#undef NEON
#undef FACTOR
#undef TILES
#undef PANELS
#undef MOST_ROWS
#undef OUTER_TILES
#undef OUTER_VECTORS
