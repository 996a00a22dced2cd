"""Makes two JPEGs and a PNG whose metadata other programs wrote: exiftool the EXIF, XMP and IPTC, Pillow the rest.

    apt-get install libimage-exiftool-perl
    pip install pillow==13.0.0
    python make_metadata.py

profile.icc is the profile of all.jpg and all.png, as Pillow (Little CMS) makes it.
"""

import subprocess
from pathlib import Path

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

HERE = Path(__file__).parent
TAGS = [
    "-EXIF:Make=Maker", "-EXIF:Model=Model 1", "-EXIF:Orientation#=6", "-EXIF:DateTimeOriginal=2024:05:06 07:08:09",
    "-EXIF:GPSLatitude=48.5", "-EXIF:GPSLatitudeRef=N", "-XMP-dc:Title=Été", "-XMP-dc:Creator=Somebody",
    "-IPTC:Headline=A headline", "-IPTC:Keywords=one", "-IPTC:Keywords=two",
]

# A face at a place of the stored picture, by the Metadata Working Group and by Microsoft. Orientation 6: to be turned by 90°.
REGIONS = [
    "-EXIF:Orientation#=6",
    "-XMP-mwg-rs:RegionInfo={AppliedToDimensions={W=24,H=16,Unit=pixel},RegionList=[{Name=Somebody,Type=Face,"
    "Area={X=0.125,Y=0.25,W=0.1,H=0.5,Unit=normalized}}]}",
    "-XMP-MP:RegionInfoMP={Regions=[{PersonDisplayName=Somebody,Rectangle=0.075|, 0|, 0.1|, 0.5}]}",
]


def main() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (HERE / "profile.icc").write_bytes(profile)
    picture = Image.linear_gradient("L").resize((24, 16)).convert("RGB")
    texts = PngInfo()
    texts.add_text("Software", "gradient")
    texts.add_text("Description", "many words " * 200, zip=True)
    texts.add_itxt("Title", "Été", lang="fr", tkey="Titre")
    picture.save(HERE / "all.png", icc_profile=profile, dpi=(300, 300), pnginfo=texts)
    picture.save(HERE / "all.jpg", quality=90, icc_profile=profile, dpi=(300, 300), comment="A comment", subsampling=1)
    picture.save(HERE / "regions.jpg", quality=90)
    for name, tags in [("all.png", TAGS), ("all.jpg", TAGS), ("regions.jpg", ["-api", "Compact=NoPadding", *REGIONS])]:
        subprocess.run(["exiftool", "-q", "-overwrite_original", *tags, HERE / name], check=True)


main()
