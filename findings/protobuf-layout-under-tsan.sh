#!/usr/bin/env bash
# Guess: a sanitizer instruments one's own code; the layout of a library's types is the same
#   with and without, so a program under ThreadSanitizer can use the distribution's library.
# What happens: libprotobuf's header gives every map field two members more when it is compiled
#   with -fsanitize=thread. Debian's library was compiled without: the two disagree on where
#   all that follows lies, and a program that touches a map (a Struct, say) through both reads
#   and writes beside it. -U__SANITIZE_THREAD__ for the files that include the header mends it.
# Version: libprotobuf-dev 3.21.12 (Debian 12), g++ 12.
# Why it matters: what ThreadSanitizer then reports, or how it ends, has nothing to do with the
#   code under test.
set -euo pipefail
dpkg-query -W -f '${Version}\n' libprotobuf-dev 2>/dev/null | grep -q '^3\.21\.12-' ||
    apt-get install -y -qq --no-install-recommends 'libprotobuf-dev=3.21.12-*' g++ >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >size.cc <<'END'
#include <cstdio>
#include <google/protobuf/map_field.h>
int main() {
    std::printf("%zu\n", sizeof(google::protobuf::internal::MapFieldBase));
}
END
size() {
    g++ -std=c++17 "$@" size.cc -o size -lprotobuf -lpthread
    ./size
}
plain=$(size)
tsan=$(size -fsanitize=thread)
mended=$(size -fsanitize=thread -U__SANITIZE_THREAD__)
seen="plain $plain, under ThreadSanitizer $tsan, with the macro taken away $mended"
printf '%s\n' "$seen"
expected='plain 72, under ThreadSanitizer 80, with the macro taken away 72'
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
