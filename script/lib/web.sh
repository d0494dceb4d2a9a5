# shellcheck shell=bash
# The reference page (web/): made before Bazel compiles it in, since its actions have no network.
# Sourced after packages.sh.

web_stamp() {
    (cd "$ROOT/web" &&
        sha256sum package-lock.json build.mjs index.html licenses.txt ./*.css ./*.js)
}

# Whether web/dist is what web's sources and the packages of its lock file make.
web_is_current() {
    [ "$(cat "$ROOT/web/dist/.stamp" 2>/dev/null)" = "$(web_stamp)" ]
}

# Makes it, beside the one that there may be. Returns false, having said why, if it cannot.
make_web() (
    new=$ROOT/web/dist.new
    ensure_node "for the reference page"
    ensure_node_packages "$ROOT/web"
    rm -rf "${new:?}"
    node "$ROOT/web/build.mjs" "$NODE_MODULES" "$new" || fail "web/build.mjs failed"
    web_stamp >"$new/.stamp"
)

# Puts what make_web made in the place of the last one; no build may read that meanwhile.
take_web() {
    rm -rf "${ROOT:?}/web/dist"
    mv "$ROOT/web/dist.new" "$ROOT/web/dist"
}

ensure_web() {
    web_is_current || { make_web && take_web; }
}
