# shellcheck shell=bash
# The reference page and the console (web/): made before Bazel compiles it in, since its actions have no network.
# Sourced after packages.sh.

web_stamp() {
    (cd "$ROOT/web" &&
        {
            find console -type f -print0
            printf '%s\0' package-lock.json build.mjs index.html licenses.txt ./*.css ./*.js
        } | sort -z | xargs -0 sha256sum)
}

# Whether web/dist is what web's sources and the packages of its lock file make.
web_is_current() {
    [ "$(cat "$ROOT/web/dist/.stamp" 2>/dev/null)" = "$(web_stamp)" ]
}

# Makes it, beside the one that there may be. Returns false, having said why, if it cannot.
make_web() (
    new=$ROOT/web/dist.new
    ensure_node "for the reference page and the console"
    make_console
    ensure_node_packages "$ROOT/web"
    rm -rf "${new:?}"
    node "$ROOT/web/build.mjs" "$NODE_MODULES" "$console" "$new" || fail "web/build.mjs failed"
    web_stamp >"$new/.stamp"
)

# Makes the console of web/console, checked by the compiler, and sets console to where it is. It is
# made beside its packages, where their names are looked up.
make_console() {
    ensure_node_packages "$ROOT/web/console"
    local work
    work=$(dirname "$NODE_MODULES")
    rm -rf "${work:?}/src" "${work:?}/dist"
    cp -r "$ROOT/web/console/." "$work/"
    (cd "$work" && node_modules/.bin/tsc --project . && node_modules/.bin/vite build --logLevel warn) ||
        fail "the console could not be built; the lines above say where"
    console=$work/dist
}

# Puts what make_web made in the place of the last one; no build may read that meanwhile.
take_web() {
    rm -rf "${ROOT:?}/web/dist"
    mv "$ROOT/web/dist.new" "$ROOT/web/dist"
}

ensure_web() {
    web_is_current || { make_web && take_web; }
}
