"""Writes small ICC profiles (ISO 15076-1) and colors computed from them, with nothing but Python's struct and math.

    python3 make_profiles.py

expected.txt: a line for each color: profile, samples 0…65535, sRGB values of the samples (not clipped, IEC 61966-2-1 mirrored
at the origin), computed in double precision from the numbers that the profiles hold, after rounding.
"""

import math
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
D50 = (0.9642, 1.0, 0.8249)
D65 = (0.3127, 0.3290)


def s15f16(value):
    return struct.pack(">i", round(value * 65536))


def xyz_tag(color):
    return b"XYZ \0\0\0\0" + b"".join(s15f16(v) for v in color)


def curve_tag(entries):
    return b"curv\0\0\0\0" + struct.pack(">I", len(entries)) + b"".join(struct.pack(">H", e) for e in entries)


def gamma_tag(exponent):
    return curve_tag([round(exponent * 256)])


def parametric_tag(parameters):
    """Y = (aX + b)^g from d on, cX below it: function type 3."""
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + b"".join(s15f16(v) for v in parameters)


def text_tag(text):
    ascii_text = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text + bytes(12 + 67)


def profile(name, device_class, space, pcs, tags):
    tags = [(b"desc", text_tag(name)), (b"cprt", b"text\0\0\0\0None\0"), (b"wtpt", xyz_tag(D50))] + tags
    table, body, places = b"", b"", {}
    start = 128 + 4 + 12 * len(tags)
    for signature, value in tags:
        if value not in places:
            places[value] = start + len(body)
            body += value + bytes(-len(value) % 4)
        table += signature + struct.pack(">II", places[value], len(value))
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02400000, device_class, space, pcs)
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += b"".join(s15f16(v) for v in D50) + bytes(48)
    assert len(header) == 128, len(header)
    with open(os.path.join(HERE, name + ".icc"), "wb") as file:
        file.write(header + struct.pack(">I", len(tags)) + table + body)


# --- Linear algebra of 3×3 matrices, by rows.


def product(a, b):
    return [[sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]


def applied(a, v):
    return [sum(a[i][k] * v[k] for k in range(3)) for i in range(3)]


def inverse(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    adjugate = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    return [[v / determinant for v in row] for row in adjugate]


BRADFORD = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]


def primaries(white, red, green, blue):
    """RGB to XYZ of D50 (Bradford) from x, y of white and primaries."""
    columns = [[x / y, 1.0, (1 - x - y) / y] for x, y in (red, green, blue)]
    matrix = [list(row) for row in zip(*columns)]
    white_xyz = [white[0] / white[1], 1.0, (1 - white[0] - white[1]) / white[1]]
    scale = applied(inverse(matrix), white_xyz)
    matrix = [[row[j] * scale[j] for j in range(3)] for row in matrix]
    source, target = applied(BRADFORD, white_xyz), applied(BRADFORD, D50)
    gain = [[target[i] / source[i] if i == j else 0.0 for j in range(3)] for i in range(3)]
    return product(product(product(inverse(BRADFORD), gain), BRADFORD), matrix)


SRGB = primaries(D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))


def encoded(light):
    v = abs(light)
    v = 12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055
    return math.copysign(v, light)


def rounded(value):
    return round(value * 65536) / 65536


# --- Curves: tag, function.


def gamma(exponent):
    stored = round(exponent * 256) / 256
    return gamma_tag(exponent), lambda v: v**stored


def srgb_curve():
    g, a, b, c, d = (rounded(v) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    return parametric_tag([g, a, b, c, d]), lambda v: (a * v + b) ** g if v >= d else c * v


def table(function, count):
    entries = [min(65535, max(0, round(65535 * function(i / (count - 1))))) for i in range(count)]

    def interpolated(v):
        place = v * (count - 1)
        index = min(int(place), count - 2)
        return (entries[index] + (place - index) * (entries[index + 1] - entries[index])) / 65535

    return curve_tag(entries), interpolated


def srgb_light(v):
    return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4


def dot_gain(v):
    """Reflectance of a gray of coverage 1 - v whose dots have grown by 20 % in the middle (Murray-Davies)."""
    coverage = 1 - v
    grown = coverage + 4 * 0.2 * coverage * (1 - coverage)
    return 1 - 0.99 * min(1, grown) - 0.01


# --- Profiles.

expected = []
PLACES = [0, 1, 257, 1000, 5140, 12850, 32768, 40000, 52000, 65278, 65534, 65535]


def rgb_profile(name, matrix, curve):
    tag, function = curve
    matrix = [[rounded(v) for v in row] for row in matrix]
    tags = [(b"rTRC", tag), (b"gTRC", tag), (b"bTRC", tag)]
    for index, signature in enumerate((b"rXYZ", b"gXYZ", b"bXYZ")):
        tags.append((signature, xyz_tag([row[index] for row in matrix])))
    profile(name, b"mntr", b"RGB ", b"XYZ ", tags)
    to_srgb = product(inverse(SRGB), matrix)
    state = 1
    samples = [[v, v, v] for v in PLACES] + [[65535, 0, 0], [0, 65535, 0], [0, 0, 65535]]
    for _ in range(20):
        color = []
        for _ in range(3):
            state = (1103515245 * state + 12345) % 2**31
            color.append(state >> 15)
        samples.append(color)
    for color in samples:
        light = applied(to_srgb, [function(v / 65535) for v in color])
        expected.append((name, color, [encoded(v) for v in light]))


def gray_profile(name, curve, pcs=b"XYZ "):
    tag, function = curve
    profile(name, b"mntr", b"GRAY", pcs, [(b"kTRC", tag)])
    for v in PLACES:
        value = function(v / 65535)
        if pcs == b"Lab ":
            value = ((100 * value + 16) / 116) ** 3 if value > 0.08 else 100 * value * 27 / 24389
        expected.append((name, [v], [encoded(value)] * 3))


def lut8(inputs, grid, colors):
    """A table of Lab colors at the corners of a grid, straight curves."""
    identity = b"".join(s15f16(float(i == j)) for i in range(3) for j in range(3))
    curves = bytes(range(256))
    body = b"mft1\0\0\0\0" + struct.pack("BBBB", inputs, 3, grid, 0) + identity
    return body + curves * inputs + bytes(colors) + curves * 3


def lab8(lightness, a, b):
    return [round(255 * lightness / 100), round(a + 128), round(b + 128)]


def cmyk_profile():
    colors = []
    for index in range(2**4):
        c, m, y, k = (index >> shift & 1 for shift in (3, 2, 1, 0))
        lightness = 95 - 40 * c - 45 * m - 7 * y + 8 * (c * m + m * y + c * y)
        a, b = -35 * c + 70 * m - 4 * y, -45 * c - 4 * m + 85 * y
        colors += lab8(max(20, lightness) * (1 - 0.8 * k), a * (1 - k), b * (1 - k))
    table = lut8(4, 2, colors)
    profile("cmyk", b"prtr", b"CMYK", b"Lab ", [(b"A2B0", table), (b"A2B1", table)])


def rgb_table_profile():
    colors = []
    for index in range(2**3):
        r, g, b = (index >> shift & 1 for shift in (2, 1, 0))
        colors += lab8(30 * r + 60 * g + 10 * b, 60 * r - 60 * g, 40 * r + 50 * g - 90 * b)
    profile("rgb-table", b"scnr", b"RGB ", b"Lab ", [(b"A2B0", lut8(3, 2, colors))])


DISPLAY_P3 = primaries(D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = primaries(D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO = primaries((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))

rgb_profile("display-p3", DISPLAY_P3, srgb_curve())
rgb_profile("adobe-rgb", ADOBE_RGB, gamma(563 / 256))
rgb_profile("prophoto", PROPHOTO, gamma(1.8))
rgb_profile("linear", SRGB, gamma(1.0))
rgb_profile("wide-table", ADOBE_RGB, table(lambda v: v**2.2, 256))
rgb_profile("srgb", SRGB, srgb_curve())
rgb_profile("srgb-table", SRGB, table(srgb_light, 1024))
rgb_profile("falling", SRGB, table(lambda v: 1 - v, 16))
rgb_profile("singular", [[row[0]] * 3 for row in SRGB], srgb_curve())
gray_profile("gray-gamma22", gamma(2.2))
gray_profile("gray-dot-gain", table(dot_gain, 256))
gray_profile("gray-lightness", table(lambda v: v, 2), b"Lab ")
gray_profile("gray-srgb", srgb_curve())
cmyk_profile()
rgb_table_profile()

with open(os.path.join(HERE, "expected.txt"), "w") as file:
    for name, samples, color in expected:
        if name in ("falling", "singular"):
            continue
        numbers = " ".join(str(v) for v in samples) + " | " + " ".join(f"{v:.9f}" for v in color)
        file.write(f"{name}: {numbers}\n")
