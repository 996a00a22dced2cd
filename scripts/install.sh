#!/bin/sh
# Installs a built program with what belongs to it: install.sh PROGRAM FOLDER
# FOLDER gets bin/ and share/. `make install` and both packages use this, so that they hold the same files.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 PROGRAM FOLDER" >&2; exit 64; }
program=$1
folder=$2
sources=$(dirname "$0")/..
share=$folder/share

install -d "$folder/bin"
install -s -m 755 "$program" "$folder/bin/restore"

for model in "$sources"/Models/*/; do
    target=$share/restore/models/$(basename "$model")
    install -d "$target"
    for name in model.safetensors facts.json README.md; do
        # Only the weights are necessary.
        [ "$name" != model.safetensors ] && [ ! -e "$model$name" ] || install -m 644 "$model$name" "$target/"
    done
done

# The program itself writes the completions and what the manual pages say. Bash reads its completions without running
# them, so their first line, which names a shell, goes.
install -d "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
"$program" --generate-completion-script bash | sed '1{/^#!/d}' >"$share/bash-completion/completions/restore"
"$program" --generate-completion-script zsh >"$share/zsh/site-functions/_restore"
"$program" --generate-completion-script fish >"$share/fish/vendor_completions.d/restore.fish"

if command -v python3 >/dev/null 2>&1; then
    install -d "$share/man/man1"
    python3 "$sources/scripts/manual.py" "$program" "$share/man/man1"
else
    echo "install: no manual pages: python3 is missing, which writes them" >&2
fi

install -d "$share/applications" "$share/icons/hicolor/scalable/apps" "$share/doc/restore"
# The menu opens the page in the browser: without a server there is nothing to open.
if "$program" --help | grep -q "^  serve "; then
    install -m 644 "$sources/packaging/restore.desktop" "$share/applications/"
fi
install -m 644 "$sources/packaging/restore.svg" "$share/icons/hicolor/scalable/apps/"
install -m 644 "$sources/packaging/copyright" "$share/doc/restore/"
if [ -d "$sources/integrations" ]; then
    (cd "$sources" && find integrations -type f -name '[!.]*') | while read -r file; do
        target=$share/doc/restore/examples/${file#integrations/}
        install -d "$(dirname "$target")"
        mode=644
        [ ! -x "$sources/$file" ] || mode=755
        install -m "$mode" "$sources/$file" "$target"
    done
fi
