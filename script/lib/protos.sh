# shellcheck shell=bash
# The protos as a folder that is complete by itself. Sourced after common.sh.

# Debian's copy of googleapis.
GOOGLEAPIS=/usr/share/gocode/src/github.com/grpc-ecosystem/grpc-gateway/third_party/googleapis

# Trees of before had a file of google/rpc of their own, which is left out.
copy_own_protos() {
    local tree=$1 target=$2
    (cd "$tree/protos" && find . -path ./google -prune -o -type f \
        \( -name '*.proto' -o -name 'buf.yaml' -o -name 'service_config.json' \) \
        -exec cp --parents {} "$target" \;) &&
        { [ ! -e "$tree/LICENSE" ] || cp "$tree/LICENSE" "$target/"; }
}

# Copies the protos of a work tree with all that they import, except google/protobuf, which
# every compiler brings in its own version. First argument: the work tree; second: the folder
# to make. Returns false, having said why, if protoc finds something missing in it.
copy_protos() {
    local tree=$1 target=$2
    # Joined by &&: callers ask whether it failed, which switches set -e off.
    mkdir -p "$target/google/api" "$target/google/rpc" &&
        copy_own_protos "$tree" "$target" &&
        cp "$GOOGLEAPIS/google/api/annotations.proto" "$GOOGLEAPIS/google/api/http.proto" \
            "$target/google/api/" &&
        cp "$GOOGLEAPIS/google/rpc/status.proto" "$target/google/rpc/" &&
        "$ROOT/tools/protos/error_details.sh" "$GOOGLEAPIS" "$ROOT/tools/protos/error_info.txt" \
            >"$target/google/rpc/error_details.proto" &&
        (cd "$target" && find . -name '*.proto' -printf '%P\0' | xargs -0 protoc -I . -o /dev/null)
}
