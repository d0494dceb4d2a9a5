# shellcheck shell=bash
# Debian packages: which are needed for what, and their installation. Sourced
# after common.sh.
# shellcheck disable=SC2034

# To write the protos with all that they import.
PACKAGES_PROTOS=(
    protobuf-compiler libprotobuf-dev golang-github-grpc-ecosystem-grpc-gateway-dev
)

# To build and run the programs.
PACKAGES_BUILD=(
    bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
    gcc g++ libc6-dev
    libgrpc-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
    libprotobuf-c-dev protobuf-c-compiler
    libsqlite3-dev libpq-dev libmicrohttpd-dev libgnutls28-dev libssl-dev zlib1g-dev libxxhash-dev libcurl4-openssl-dev
    libseccomp-dev libsystemd-dev libyaml-dev
    grpc-proto golang-github-grpc-ecosystem-grpc-gateway-dev
    curl
)

# To run docs/CLIENTS.md's clients, beside those to build and to test.
PACKAGES_CLIENTS=(
    pkg-config
    golang-google-grpc-dev golang-goprotobuf-dev
    default-jdk-headless libgrpc-java libprotobuf-java libnetty-java libguava-java libperfmark-java
    libgeronimo-annotation-1.3-spec-java protobuf-compiler-grpc-java-plugin
    ruby ruby-grpc
)

# To run the tests, beside the above.
PACKAGES_TEST=(
    libgtest-dev
    libnghttp2-dev
    python3 python3-grpcio python3-protobuf python3-requests
    golang-go
    sqlite3 openssl lsof
    postgresql-15 pgbouncer # their services need not run
    chromium
    nginx haproxy
    mandoc zsh fish # what --print-options prints
    prometheus # its service need not run
    "${PACKAGES_CLIENTS[@]}"
)

# To make Debian packages, beside those to build.
PACKAGES_PACKAGE=(debhelper dpkg-dev)

# To make an image of the packages (deploy/container/build).
PACKAGES_CONTAINER=(mmdebstrap umoci)

# To look over packages and install them in a root file system of their own.
PACKAGES_PACKAGE_TEST=(lintian mmdebstrap systemd mandoc)

# To look over the code.
PACKAGES_LINT=(shellcheck clang-format clang-tidy)

# To count instructions, beside those to build; the second names libc's functions.
PACKAGES_PROFILE=(valgrind libc6-dbg)

# To build the load generators and their tests, beside those to build.
PACKAGES_BENCH=(libnghttp2-dev)

# What script/bench --case watch measures beside ours. Its service need not run.
PACKAGES_ETCD=(etcd-server)

# What script/bench --store postgres measures, and its peer, pgbench. Its service need not run.
PACKAGES_POSTGRES=(postgresql-15)

# For deploy/local-ha and script/failover. The services of etcd, patroni and postgresql need not run.
PACKAGES_HA=(postgresql-15 patroni etcd-server python3-psycopg2 python3-etcd iproute2 curl)

# To build the Go implementation that script/bench --peer measures beside ours.
PACKAGES_PEER=(
    golang-go golang-google-grpc-dev golang-goprotobuf-dev golang-grpc-gateway
    golang-github-grpc-ecosystem-grpc-gateway-dev golang-github-mattn-go-sqlite3-dev
)

# To fuzz, beside those to build.
PACKAGES_FUZZ=(clang libclang-rt-dev)

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs those of the packages that are missing. First argument: what for.
ensure_packages() {
    local purpose=$1 package
    local missing=()
    shift
    command -v dpkg-query >/dev/null 2>&1 ||
        fail "this is no Debian system; install by hand what script/lib/packages.sh lists"
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${#missing[@]} Debian packages $purpose: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        fail "apt-get update failed: is the network there, and is /etc/apt/sources.list right?"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt-get install failed; the lines above say why"
}

# Whether PATH has Node 18 or newer with npm: then Debian's is not installed,
# because another vendor's package would conflict with it.
has_node() {
    local major
    command -v npm >/dev/null 2>&1 || return 1
    major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+)\..*/\1/')
    [ -n "$major" ] && [ "$major" -ge 18 ]
}

ensure_node() {
    has_node || ensure_packages "$1" nodejs npm
}

# Installs the npm packages of a folder (package.json, and package-lock.json if
# it has one) under the cache and sets NODE_MODULES to where they are. No package's
# own install script is run: none is needed, and none is trusted.
ensure_node_packages() {
    local source=$1 target stamp try command=(install --no-package-lock)
    target=$CACHE/npm/${source#"$ROOT"/}
    stamp=$(cat "$source"/package*.json | sha256sum | cut -d' ' -f1)
    NODE_MODULES=$target/node_modules
    export NODE_MODULES
    [ "$(cat "$target/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
    say "Installing the npm packages of ${source#"$ROOT"/} under $target"
    rm -rf "$target"
    mkdir -p "$target"
    cp "$source"/package*.json "$target/"
    [ ! -e "$source/package-lock.json" ] || command=(ci)
    # npm may wait for a registry that has stopped answering, without an end of its own.
    for try in 1 2 3; do
        (cd "$target" &&
            timeout 240 npm "${command[@]}" --ignore-scripts --no-audit --no-fund --loglevel=error) &&
            break
        [ "$try" -lt 3 ] || fail "npm ${command[0]} failed three times; the lines above say why"
    done
    printf '%s\n' "$stamp" >"$target/.stamp"
}
