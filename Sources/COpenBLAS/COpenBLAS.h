// OpenBLAS: CBLAS for matrix products; the Fortran LAPACK symbol for symmetric eigenvalues, which
// the same library exports without a header of its own.
#include <cblas.h>

/// LAPACK DSYEV: all eigenvalues (ascending, in `w`) of the symmetric n×n matrix `a`, column-major.
/// https://www.netlib.org/lapack/explore-html (dsyev). `info` is 0 on success.
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info);
