"""Extracts the photographs from unpacked wallpaper packages, downscaled to half or less, with a long side of at most
1280."""

import pathlib
import sys

from PIL import Image

# Selected by a part of the path; everything else is drawn, rendered, or a duplicate.
PHOTOGRAPHS = [
    "BytheWater", "ColdRipple", "ColorfulCups", "EveningGlow", "FallenLeaf", "Grey/", "OneStandsOut", "Path/",
    "mate/nature/", "mate/abstract/Elephants_5640x3172",
    "Bridge_by", "Dragonfly_by", "Kleiber_by", "Picture_0B", "Picture_1A", "Wine_by", "aitzgorri_by", "free_by",
    "friends_by", "greentock_by", "life_by", "picosdeeuropa_by", "seeding_by", "sunset_by",
]
LONGEST = 1280

Image.MAX_IMAGE_PIXELS = None
source, destination = (pathlib.Path(argument) for argument in sys.argv[1:3])
count = 0
for path in sorted(source.rglob("*.jpg")):
    if path.is_symlink() or "screenshot" in path.name or not any(part in str(path) for part in PHOTOGRAPHS):
        continue
    picture = Image.open(path).convert("RGB")
    factor = max(2, max(picture.size) / LONGEST)
    size = tuple(round(side / factor) for side in picture.size)
    name = path.stem if path.parent.name not in ("images",) else path.parents[2].name
    picture.resize(size, Image.Resampling.BOX if factor == 2 else Image.Resampling.LANCZOS).save(
        destination / f"{name}.png"
    )
    count += 1
print(f"{count} photographs in {destination}")
