"""The fastest sgemm of this machine on two threads: sgemm.py NAME, one of CANDIDATES, prints {"source", "gflops"}.

Each library runs in a separate process. Matrices are large enough that the speed does not depend on their size.
"""

import ctypes
import ctypes.util
import json
import sys
import time

import numpy as np

SIDE = 3072
REPETITIONS = 4
# Libraries, with the environment variables set for them. OpenBLAS treats processors that are newer than itself as older
# ones; it is therefore also run with its AVX-512 kernels selected by name.
CANDIDATES = {"openblas": {}, "openblas-avx512": {"OPENBLAS_CORETYPE": "SKYLAKEX"}, "numpy": {}, "torch": {}}


def openblas():
    name = ctypes.util.find_library("openblas") or "libopenblas.so.0"
    library = ctypes.CDLL(name)
    library.openblas_set_num_threads(2)
    library.openblas_get_config.restype = ctypes.c_char_p
    a, b = (np.ones((SIDE, SIDE), np.float32) for _ in range(2))
    c = np.empty_like(a)
    row_major, plain, size = 101, 111, ctypes.c_int(SIDE)
    pointers = [matrix.ctypes.data_as(ctypes.c_void_p) for matrix in (a, b, c)]
    one, zero = ctypes.c_float(1), ctypes.c_float(0)

    def product():
        library.cblas_sgemm(row_major, plain, plain, size, size, size, one, pointers[0], size, pointers[1], size,
                            zero, pointers[2], size)

    version = library.openblas_get_config().decode().split()
    library.openblas_get_corename.restype = ctypes.c_char_p
    return product, " ".join(["the system's", *version[:2], "with", library.openblas_get_corename().decode(), "kernels"])


def numpy():
    a, b = (np.ones((SIDE, SIDE), np.float32) for _ in range(2))
    c = np.empty_like(a)
    return lambda: np.matmul(a, b, out=c), f"NumPy {np.__version__}"


def torch():
    import torch

    torch.set_num_threads(2)
    a, b, c = (torch.ones(SIDE, SIDE) for _ in range(3))
    return lambda: torch.mm(a, b, out=c), f"PyTorch {torch.__version__}"


def main() -> None:
    libraries = {"openblas": openblas, "openblas-avx512": openblas, "numpy": numpy, "torch": torch}
    product, source = libraries[sys.argv[1]]()
    if sys.argv[1] == "openblas-avx512" and "avx512f" not in open("/proc/cpuinfo", encoding="utf-8").read():
        sys.exit("this processor has no AVX-512")
    product()
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        product()
        times.append(time.perf_counter() - start)
    print(json.dumps({"source": source, "gflops": 2 * SIDE**3 / min(times) / 1e9}))


if __name__ == "__main__":
    main()
