# shellcheck shell=bash
# What up and down share; sourced, never run.

PG_BIN=/usr/lib/postgresql/15/bin
NODES=(1 2 3)
# shellcheck disable=SC2034
SERVERS=(1 2)

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Sets FOLDER, absolute, and the names of its network: of each folder its own.
use_folder() {
    [ -n "$1" ] || fail "which folder? see --help"
    FOLDER=$(realpath -m -- "$1")
    [[ $FOLDER != / && $FOLDER =~ ^[A-Za-z0-9/._-]+$ ]] ||
        fail "\"$FOLDER\": a folder of its own, with letters, digits and / . _ - in its name"
    [ ${#FOLDER} -le 80 ] || fail "\"$FOLDER\" is longer than 80 bytes, and a socket goes into it"
    NETWORK=rha$(printf '%s' "$FOLDER" | cksum | awk '{ printf "%06x", $1 % 16777216 }')
}

# Whether this folder was set up before; then its settings are read.
has_settings() {
    [ -f "$FOLDER/settings" ] || return 1
    # shellcheck source=/dev/null
    . "$FOLDER/settings"
}

# A process is known by its id and by when it began: another one may get the id. One that has ended,
# and that nobody has asked about yet (Z), has not begun.
began() {
    sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" && $1 != "X" { print $20 }'
}

is_running() {
    local pid since
    [ -f "$FOLDER/pids/$1" ] || return 1
    read -r pid since <"$FOLDER/pids/$1"
    [ -n "$since" ] && [ "$(began "$pid")" = "$since" ]
}

# Runs a command by a name, unless it runs; it outlives this script.
start() {
    local name=$1
    shift
    if is_running "$name"; then return; fi
    setsid "$@" >>"$FOLDER/log/$name.log" 2>&1 </dev/null &
    printf '%s %s\n' "$!" "$(began "$!")" >"$FOLDER/pids/$name"
}

# SIGTERM, and SIGKILL after so many seconds.
stop() {
    local name=$1 seconds=$2 pid tries
    is_running "$name" || return 0
    read -r pid _ <"$FOLDER/pids/$name"
    kill -CONT "$pid"
    kill -TERM "$pid"
    for ((tries = 0; tries < seconds * 10; tries++)); do
        is_running "$name" || return 0
        sleep 0.1
    done
    printf '%s does not end: kill -9\n' "$name" >&2
    kill -KILL "$pid"
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else
        "$@"
    fi
}
