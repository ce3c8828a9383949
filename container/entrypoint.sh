#!/bin/sh
# Starts the appliance. On an empty volume it first makes a SoftHSM token, its PINs, and a
# laboratory PKI: for the field, put your own nisim.conf and what it names there before.
set -eu
umask 077
state=/var/lib/nisim
share=/usr/share/nisim
programs=/usr/libexec/nisim

fail() {
    printf 'entrypoint: %s\n' "$1" >&2
    exit 78
}

# nisim.conf comes last: a folder with one is complete.
first_start() {
    mkdir "$state/tokens" "$state/state" "$state/pki"
    "$programs/lab_pki.sh" ca "$state/pki"
    "$programs/lab_pki.sh" server "$state/pki" server "DNS:localhost,DNS:$(hostname),IP:127.0.0.1"
    "$programs/lab_pki.sh" client "$state/pki" wwsf-1 DNS:wwsf-1.example.com
    openssl rand -hex 16 >"$state/pin"
    openssl rand -hex 16 >"$state/so-pin"
    cp "$share/client.conf" "$state/client.conf"
    cp "$share/nisim.conf" "$state/nisim.conf.new"
    nisim-token init --laboratory --config "$state/nisim.conf.new" --label nisim --so-pin-file "$state/so-pin"
    mv "$state/nisim.conf.new" "$state/nisim.conf"
}

[ -w "$state" ] || fail "$state can't be written by uid $(id -u): give the volume to that user"
if [ ! -e "$state/nisim.conf" ]; then
    find "$state" -mindepth 1 -maxdepth 1 ! -name lost+found | grep -q . &&
        fail "$state is not empty and has no nisim.conf: put one there, or empty it for a first start"
    trap 'fail "the first start failed; empty $state before the next"' EXIT
    first_start
    trap - EXIT
    printf 'entrypoint: first start: token and laboratory PKI made in %s\n' "$state" >&2
fi
exec nisimd --config "$state/nisim.conf"
