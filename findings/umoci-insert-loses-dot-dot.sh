#!/usr/bin/env bash
# Guess: "umoci insert ../files /files" puts the files beside this folder into the image, as cp or tar would.
# What happens: a relative path loses its leading "..": ./files is taken. Where there is none, the error names a path that
#   nobody gave ("lstat files: no such file or directory"); where there is one, it goes into the image
#   instead, without a word. Only the folder to insert is read so, the image's own path is not.
# Version: umoci 0.4.7 (Debian 12).
# Why it matters: a script that runs in a subfolder of what it packs makes an image of other files, and succeeds. Give
#   absolute paths.
set -euo pipefail
dpkg-query -W -f '${Version}\n' umoci 2>/dev/null | grep -q '^0\.4\.7+' ||
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends 'umoci=0.4.7+*' >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
mkdir -p build files
echo 'beside' >files/which
# What is in an image after an insert of a path, seen from the folder build.
inserted() (
    local path=$1 told
    rm -rf image out
    umoci init --layout image
    umoci new --image image:latest
    cd build
    if told=$(umoci insert --rootless --image ../image:latest "$path" /files 2>&1); then
        umoci --log=error raw unpack --rootless --image ../image:latest ../out >/dev/null
        printf 'the one %s\n' "$(cat ../out/files/which)"
    else
        grep -o 'lstat .*' <<<"$told" | head -n 1
    fi
)
seen=$(
    printf '../files, no ./files: %s\n' "$(inserted ../files)"
    mkdir build/files
    echo 'within' >build/files/which
    printf '../files, with a ./files: %s\n' "$(inserted ../files)"
    printf 'its absolute path: %s\n' "$(inserted "$folder/files")"
)
printf '%s\n' "$seen"
expected='../files, no ./files: lstat files: no such file or directory
../files, with a ./files: the one within
its absolute path: the one beside'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
