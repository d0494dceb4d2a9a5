# shellcheck shell=bash
# The reference page (web/): made before Bazel runs, since its actions have no network. Sourced
# after packages.sh.

# Makes web/dist of web's sources and the packages of its lock file, if they have changed since.
# Returns false, having said why, if it cannot.
ensure_web() (
    web=$ROOT/web
    stamp=$(cd "$web" && sha256sum package-lock.json build.mjs index.html licenses.txt ./*.css ./*.js)
    [ "$(cat "$web/dist/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
    ensure_node "for the reference page"
    ensure_node_packages "$web"
    rm -rf "${web:?}/dist.new"
    node "$web/build.mjs" "$NODE_MODULES" "$web/dist.new" || fail "web/build.mjs failed"
    printf '%s\n' "$stamp" >"$web/dist.new/.stamp"
    rm -rf "${web:?}/dist"
    mv "$web/dist.new" "$web/dist" || exit 1
)
