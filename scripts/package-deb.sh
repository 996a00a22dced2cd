#!/bin/sh
# Builds a Debian package of a built program: package-deb.sh PROGRAM FOLDER
# DEBFULLNAME and DEBEMAIL name the maintainer, as for other Debian tools.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 PROGRAM FOLDER" >&2; exit 64; }
program=$(realpath "$1")
folder=$2
sources=$(realpath "$(dirname "$0")/..")
for tool in dpkg-deb dpkg-shlibdeps python3; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install dpkg-dev python3" >&2; exit 69; }
done

version=$("$program" --version)
architecture=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-restore maintainers} <${DEBEMAIL:-maintainers@restore.invalid}>"
# The same commit gives the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$sources" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
share=$root/usr/share
"$sources/scripts/install.sh" "$program" "$root/usr"

# Debian's places and forms.
mv "$share/zsh/site-functions" "$share/zsh/vendor-completions"
gzip -9n "$share/man/man1/"*.1
{
    printf 'restore (%s) unstable; urgency=medium\n\n' "$version"
    printf '  * What changed is in /usr/share/doc/restore/NEWS.md.gz.\n\n'
    printf ' -- %s  %s\n' "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$share/doc/restore/changelog.gz"
gzip -9nc "$sources/CHANGELOG.md" >"$share/doc/restore/NEWS.md.gz"

# The packages of the libraries that the program links.
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: restore\n\nPackage: restore\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "$root/usr/bin/restore" | sed -n 's/^shlibs:Depends=//p')
cat >"$root/DEBIAN/control" <<END
Package: restore
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size "$root/usr" | cut -f1)
Depends: $libraries
Recommends: librsvg2-2
Suggests: libopenblas0, darktable, gimp, nautilus
Section: graphics
Priority: optional
Description: restores photographs: denoising, colorization, inpainting
 Removes the noise of photographs, gives gray ones likely colors, and fills in
 scratches, text and holes. It needs no GPU, no Python and no network: its
 trained models are included.
 .
 It reads and writes PNG and JPEG files and keeps their bit depth, transparency,
 color profiles and metadata. Large photographs are processed in a bounded
 amount of memory. It can also train its models.
END
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$folder"
package=$folder/restore_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "$package"
