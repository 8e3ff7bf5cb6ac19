# packages.sh — sourced, not run: `need TOOL:PACKAGE …` and `need_dev PKGCONFIG:PACKAGE …` collect what is missing,
# `install_missing` installs it with apt (Debian 12, Ubuntu 24.04), as root or through sudo.
missing=""

need() {
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
    done
}

need_dev() {
    for pair in "$@"; do
        pkg-config --exists "${pair%%:*}" 2>/dev/null || missing="$missing ${pair##*:}"
    done
}

install_missing() {
    [ -n "$missing" ] || return 0
    echo "installing:$missing"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    missing=""
}
