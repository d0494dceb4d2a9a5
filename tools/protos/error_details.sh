#!/bin/sh
# Prints google/rpc/error_details.proto with google.rpc.ErrorInfo in it, as googleapis has had
# it since 2020: Debian 12 ships the file without it. A file of our own beside it would be a
# second definition for whoever has a newer googleapis too, which protoc, buf and protobufjs
# refuse. First argument: the folder with google/rpc; second: error_info.txt.
set -eu

file=$1/google/rpc/error_details.proto
cat "$file"
grep -q '^message ErrorInfo' "$file" || cat "$2"
