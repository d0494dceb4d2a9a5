# shellcheck shell=bash
# What every script shares; sourced, never run. Sets ROOT, the workspace.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export ROOT

# Where what is installed for the tests alone goes: outside the work tree, so
# that neither git nor Bazel sees it.
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/runsd
export CACHE

# The Python of Debian's packages; PATH may name another without their modules.
PYTHON=/usr/bin/python3
export PYTHON

say() {
    printf '%s\n' "$*"
}

# Ends the script: one line that says what is wrong and what to do.
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Runs a command as root: as it is, or with sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo -- "$@"
    else
        fail "must be root to run: $* (run this script as root, or install sudo)"
    fi
}

# Passes on what Bazel says, less what its sandbox does, and less the headlines of outputs that
# hold nothing else.
useful_lines() {
    awk '/linux-sandbox/ && !/^ERROR/ { next }
        /^INFO: From / { headline = $0; next }
        headline != "" && !/^(INFO|WARNING|ERROR|FAILED|DEBUG|Target|Loading|Analyzing)/ {
            print headline
        }
        { headline = ""; print; fflush() }'
}

# Runs Bazel in the workspace with no more output than is useful. Bazel leaves its server behind,
# which gets no end of the pipe: the last lines come when Bazel ends, not when its server does.
run_bazel() {
    local command=$1
    shift
    {
        (cd "$ROOT" && bazel "$command" --noshow_progress "$@") 2>&1 >&3 3>&- | useful_lines >&2
    } 3>&1
}

# Prints the folder of what Bazel built; arguments: a configuration's flags.
bazel_bin() {
    (cd "$ROOT" && bazel info "$@" bazel-bin 2>/dev/null)
}
