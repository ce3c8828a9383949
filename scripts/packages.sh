# shellcheck shell=bash
# The Debian packages the project needs, by purpose; sourced. Names hold for Debian 12 and 13.

packages_for() {
    case $1 in
    build)
        echo gcc libc6-dev cmake ninja-build pkgconf libp11-kit-dev libp11-dev libssl-dev \
            libevent-dev libsqlite3-dev libconfig-dev libjansson-dev libbsd-dev libseccomp-dev \
            libosip2-dev libcsv-dev libxml2-dev
        ;;
    run) echo softhsm2 openssl jq ;;
    test) echo libcmocka-dev clang binutils opensc libosmocore-utils python3 python3-cryptography python3-prometheus-client strace sqlite3 sip-tester \
        vsmartcard-vpcd pcscd pcsc-tools iproute2 ;;
    bench) echo p11-kit p11-kit-modules ;; # a row of tests/bench/bench.py
    lint) echo clang-format clang-tidy cppcheck shellcheck mandoc ;;
    container)
        echo buildah podman runc conmon netavark aardvark-dns containernetworking-plugins \
            iptables nftables mmdebstrap
        ;;
    clean-room) echo debootstrap git ;;
    esac
}

# packages_missing PURPOSE...
packages_missing() {
    local purpose package
    for purpose in "$@"; do
        for package in $(packages_for "$purpose"); do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
                echo "$package"
        done
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# packages_install PURPOSE...: asks apt only for what is missing; needs output.sh. What there was
# to do is left in packages_note.
packages_install() {
    local missing
    mapfile -t missing < <(packages_missing "$@")
    if [ ${#missing[@]} = 0 ]; then
        packages_note='all there'
        return
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        fail "these Debian packages are missing, and installing them takes root or sudo: ${missing[*]}"
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600)
    run_logged 'apt-get update' as_root "${apt[@]}" update
    run_logged 'apt-get install' as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
    # Read by whoever sourced this file.
    # shellcheck disable=SC2034
    packages_note="${#missing[@]} installed"
}
