"""Makes the data sets of this folder, and the damaged and malicious ones of ../corrupt/datasets.

    pip install numpy==2.4.6
    python make_datasets.py

Picture i of a CIFAR-10 batch has (37 i + 91 c + 5 y + 3 x) mod 256 in channel c of pixel (x, y) and the label 3 i + 1; picture i of
the IDX files is 5 wide and 4 high, with 40 i + 10 y + x, and has the label 9 - i.
"""

import collections
import gzip
import io
import os
import pickle
import struct
from pathlib import Path

import numpy

HERE = Path(__file__).parent
CORRUPT = HERE.parent / "corrupt" / "datasets"
COUNT = 2


def planes(count: int = COUNT) -> numpy.ndarray:
    i, c, y, x = numpy.ogrid[0:count, 0:3, 0:32, 0:32]
    return ((37 * i + 91 * c + 5 * y + 3 * x) % 256).astype(numpy.uint8).reshape(count, 3072)


def batch(**changes) -> dict:
    """What an official batch holds; its keys are Python 2's strings."""
    content = {
        b"batch_label": b"training batch 1 of 5",
        b"labels": [3 * i + 1 for i in range(COUNT)],
        b"data": planes(),
        b"filenames": [b"picture_s_%06d.png" % i for i in range(COUNT)],
    }
    content.update({key.encode(): value for key, value in changes.items()})
    return content


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 writes its strings, and NumPy's names as they were then: as the official files have it."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text: bytes) -> None:
        if len(text) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(text)]) + text)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(text)) + text)
        self.memoize(text)

    dispatch[bytes] = save_string
    dispatch[str] = lambda self, text: self.save_string(text.encode("latin1"))

    def save_global(self, value, name=None) -> None:
        name = name or value.__qualname__
        module = value.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(value)

    dispatch[type] = save_global
    dispatch[type(len)] = save_global


def python2(content) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(content)
    return stream.getvalue()


def idx(mark: int, values: numpy.ndarray) -> bytes:
    return struct.pack(f">I{values.ndim}I", mark, *values.shape) + values.astype(numpy.uint8).tobytes()


def good() -> dict[str, bytes]:
    i, y, x = numpy.ogrid[0:3, 0:4, 0:5]
    files = {
        "cifar10-python2": python2(batch()),
        "train-images-idx3-ubyte.gz": gzip.compress(idx(0x803, 40 * i + 10 * y + x), mtime=0),
        "train-labels-idx1-ubyte.gz": gzip.compress(idx(0x801, numpy.array([9, 8, 7])), mtime=0),
    }
    for protocol in range(2, 6):
        files[f"cifar10-protocol{protocol}"] = pickle.dumps(batch(), protocol=protocol)
    return files


class Call:
    """Unpickling an object of this class calls a function."""

    def __init__(self, function, *arguments):
        self.result = (function, arguments)

    def __reduce__(self):
        return self.result


class Plain:
    pass


def refused() -> dict[str, bytes]:
    command = Call(os.system, "touch executed")
    own = []
    own.append(own)
    fortran = numpy.asfortranarray(planes())
    return {
        "os-system-protocol0": pickle.dumps(command, protocol=0),
        "os-system-protocol2": pickle.dumps(command, protocol=2),
        "os-system-protocol4": pickle.dumps(command, protocol=4),
        "os-system-as-data": pickle.dumps(batch(data=command), protocol=2),
        "eval-as-labels": pickle.dumps(batch(labels=Call(eval, "[0, 0]")), protocol=4),
        "numpy-load": pickle.dumps(batch(data=Call(numpy.load, "x.npy", None, True)), protocol=3),
        "codec-with-side-effects": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00xX\x03\x00\x00\x00zip\x86R.",
        "instance": b"\x80\x02(ios\nsystem\n.",
        "object": pickle.dumps(batch(data=Plain()), protocol=2),
        "ordered-dictionary": pickle.dumps(collections.OrderedDict(batch()), protocol=4),
        "set": pickle.dumps({b"data": {1, 2}}, protocol=4),
        "float": pickle.dumps(batch(labels=[0.0, 1.0]), protocol=2),
        "extension": b"\x80\x02}\x82\x01.",
        "list-in-itself": pickle.dumps(own, protocol=2),
        "cifar100": pickle.dumps(
            {b"data": planes(), b"fine_labels": [1, 2], b"coarse_labels": [1, 2]}, protocol=2),
        "batches-meta": python2({b"num_cases_per_batch": 10000, b"label_names": [b"airplane"], b"num_vis": 3072}),
        "data-of-floats": pickle.dumps(batch(data=planes().astype(numpy.float16)), protocol=4),
        "data-of-objects": pickle.dumps(batch(data=numpy.array([[1, b"x"]], dtype=object)), protocol=4),
        "data-column-by-column": pickle.dumps(batch(data=fortran), protocol=4),
        "data-in-three-axes": pickle.dumps(batch(data=planes().reshape(COUNT, 3, 1024)), protocol=5),
        "data-as-bytes": pickle.dumps(batch(data=planes().tobytes()), protocol=4),
        "data-with-fields": pickle.dumps(batch(data=planes().view([("v", "u1")])), protocol=4),
        "too-few-labels": pickle.dumps(batch(labels=[1]), protocol=2),
        "labels-are-strings": pickle.dumps(batch(labels=["1", "2"]), protocol=2),
        "no-pictures": pickle.dumps(batch(data=planes()[:0], labels=[]), protocol=4),
        "list": pickle.dumps([batch()], protocol=4),
    }


if __name__ == "__main__":
    CORRUPT.mkdir(exist_ok=True)
    for folder, files in ((HERE, good()), (CORRUPT, refused())):
        for name, content in files.items():
            (folder / name).write_bytes(content)
