"""Makes a JPEG and a PNG whose metadata other programs wrote: exiftool the EXIF, XMP and IPTC, Pillow the rest.

    apt-get install libimage-exiftool-perl
    pip install pillow==13.0.0
    python make_metadata.py

profile.icc is the profile of both, as Pillow (Little CMS) makes it.
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
    for name in ["all.png", "all.jpg"]:
        subprocess.run(["exiftool", "-q", "-overwrite_original", *TAGS, HERE / name], check=True)


main()
