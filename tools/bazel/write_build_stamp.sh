#!/bin/sh
# Writes the C of base/core/build_info.h's constant from Bazel's stable-status.txt.
set -eu

value() {
    sed -n "s/^$1 \([0-9A-Za-z:-]*\)\$/\1/p" "$2"
}
commit=$(value STABLE_RUNSD_COMMIT "$1")
date=$(value STABLE_RUNSD_DATE "$1")
cat <<END
#include "base/core/build_info.h"
#include "base/core/version.h"

const struct build_info build_info = {
    .version = RUNSD_VERSION,
    .commit = "${commit:-unknown}",
    .date = "${date:-unknown}",
};
END
