#!/bin/sh
# Builds a relocatable archive of a built program: package-tarball.sh PROGRAM FOLDER
# The program must have been linked with the run path $ORIGIN/../lib/restore, where the archive has the libraries that
# not every system has. Of the system it needs the C library and libstdc++ only.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 PROGRAM FOLDER" >&2; exit 64; }
program=$(realpath "$1")
folder=$2
sources=$(realpath "$(dirname "$0")/..")
# shellcheck disable=SC2016  # the linker's variable
readelf -d "$program" | grep -q '\$ORIGIN/\.\./lib/restore' || {
    echo "$program: not linked for an archive; use make tarball" >&2; exit 65; }

name=restore-$("$program" --version)-$(uname -m)-linux
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$sources" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/$name
"$sources/scripts/install.sh" "$program" "$root"
install -d "$root/lib/restore" "$root/share/doc/restore/libraries"

# libstdc++ stays the system's: it is everywhere, and NVIDIA's libraries may need a newer one than this system's.
for library in $(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    case $library in
    libc.so* | libm.so* | libstdc++.so* | libgcc_s.so* | ld-linux*) continue ;;
    esac
    path=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | sed -n "s|^[[:space:]]*$library .*x86-64.* => ||p;s|^[[:space:]]*$library .*AArch64.* => ||p" | head -n 1)
    [ -n "$path" ] || { echo "$library: not found" >&2; exit 66; }
    install -m 644 "$path" "$root/lib/restore/$library"
    # Their licenses ask for their notices.
    file=$(realpath "$path")
    # dpkg may know it by its place before /lib became a link to /usr/lib.
    package=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null || true)
    package=${package%%:*}
    if [ -z "$package" ] || [ ! -e "/usr/share/doc/$package/copyright" ]; then
        echo "$library: no license found" >&2
        exit 66
    fi
    install -m 644 "/usr/share/doc/$package/copyright" "$root/share/doc/restore/libraries/$package.txt"
done
install -m 644 "$sources/LICENSE" "$sources/CHANGELOG.md" "$sources/packaging/README.txt" "$root/"

mkdir -p "$folder"
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --directory "$work" "$name" |
    xz -6 -T2 >"$folder/$name.tar.xz"
# The newest C library that anything in the archive asks for.
newest=$(objdump -T "$root/bin/restore" "$root/lib/restore/"* | grep -o 'GLIBC_2[0-9.]*' | sort -Vu | tail -n 1)
echo "$folder/$name.tar.xz needs ${newest#GLIBC_} or later of glibc"
