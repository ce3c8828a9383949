#!/bin/bash
# Builds the image and runs it as it would run in the field: read-only root, no capabilities, a
# volume. Argument: the folder with the `nisim` of this build, which asks from outside.
# Ends with 77, and says why, where containers can't run.
set -euo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$PWD/build/container
output_log=$work/log
. scripts/output.sh

skip() {
    printf 'skipped: %s\n' "$1"
    exit 77
}

[ "$(id -u)" = 0 ] || skip 'this needs root'
for program in buildah podman runc mmdebstrap jq; do
    command -v $program >/dev/null || skip "there is no $program here"
done
# A mount namespace of its own: no mount is left in the build folder, whatever happens.
if [ "${2:-}" != in-namespace ]; then
    unshare --mount true 2>/dev/null || skip 'this system gives no mount namespace'
    exec unshare --mount "tests/${0##*/}" "$1" in-namespace
fi
mkdir -p "$work"
: >"$output_log"

# Storage of its own, and settings for a machine without systemd.
cat >"$work/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/run"
END
cat >"$work/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
events_logger = "file"
cgroup_manager = "cgroupfs"
END
export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
export DISABLE_HC_SYSTEMD=true

base=docker.io/library/debian:bookworm-slim
volume=nisim-test-$$
container=nisim-test-$$

clean_up() {
    podman rm -f -t 0 "$container" >>"$output_log" 2>&1 || true
    podman volume rm -f "$volume" >>"$output_log" 2>&1 || true
}
trap clean_up EXIT

if ! podman image exists "$base" 2>>"$output_log"; then
    run=$work/bookworm.tar
    mmdebstrap --variant=minbase bookworm "$run" >>"$output_log" 2>&1 </dev/null ||
        skip "no Debian root could be made: $(tail -n 1 "$output_log")"
    podman import --change 'CMD ["bash"]' "$run" "$base" >>"$output_log" 2>&1 ||
        skip "podman can't keep an image here: $(tail -n 1 "$output_log")"
    rm -f "$run"
fi
podman run --rm --network none "$base" true >>"$output_log" 2>&1 ||
    skip "podman can't run a container here: $(tail -n 1 "$output_log")"

# The same sources give the same image: built once.
sum=$(tar -c --sort=name --mtime=@0 --owner=0 --group=0 Dockerfile .dockerignore CMakeLists.txt \
    cmake proto hsm firmware provisioning container scripts | sha256sum)
image=localhost/nisim:${sum:0:16}
if ! podman image exists "$image"; then
    run_logged 'buildah bud' buildah bud --layers --pull=never --isolation chroot --network host \
        --format docker -t "$image" .
    podman images --noheading --format '{{.Repository}}:{{.Tag}}' | grep '^localhost/nisim:' |
        grep -vF "$image" | xargs -r podman rmi >>"$output_log" 2>&1 || true
fi

start() {
    run_logged 'podman run' podman run -d --name "$container" --read-only --read-only-tmpfs=false \
        --cap-drop=ALL --security-opt no-new-privileges --memory 256m --pids-limit 64 \
        -v "$volume:/var/lib/nisim" -p "127.0.0.1::7443" "$image"
    address=$(podman port "$container" 7443/tcp)
}

inside() {
    podman exec "$container" "$@"
}

wait_healthy() {
    local try
    for try in $(seq 60); do
        ! podman healthcheck run "$container" >>"$output_log" 2>&1 || return 0
        [ "$(podman inspect -f '{{.State.Status}}' "$container")" = running ] || break
        sleep 0.5
    done
    podman logs "$container" 2>&1 | tail -n 20
    fail "not healthy after $try tries"
}

# expect WHAT WANTED GOT
expect() {
    [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
    say passed "$1"
}

# refused WHAT COMMAND...
refused() {
    local what=$1
    shift
    ! "$@" >>"$output_log" 2>&1 || fail "$what"
    say passed "not: $what"
}

ask() {
    "$bin/nisim" --server "$address" --ca "$work/pki/ca.pem" --cert "$work/pki/wwsf-1.pem" \
        --key "$work/pki/wwsf-1.key" "$@"
}

vector() {
    jq -r --arg field "$1" '.vectors[18][$field]' tests/vectors/milenage_vectors.json
}

start
wait_healthy
expect 'healthy on an empty volume' healthy \
    "$(podman inspect -f '{{.State.Health.Status}}' "$container" 2>/dev/null || podman inspect -f '{{.State.Healthcheck.Status}}' "$container")"
expect 'runs as uid 10001' 10001 "$(inside id -u)"
expect 'has no capability' 0000000000000000 "$(inside sed -n 's/^CapEff:\t//p' /proc/1/status)"
refused 'the root file system can be written' inside touch /usr/bin/x
refused 'the root file system has a /tmp that can be written' inside touch /tmp/x
refused 'there is a compiler' inside sh -c 'command -v gcc || command -v cc || command -v ld || command -v cmake'

printf 'K=%s\nOPc=%s\n' "$(vector k)" "$(vector opc)" |
    podman exec -i "$container" nisim-token subscriber add --config /var/lib/nisim/nisim.conf \
        --user-id +15550119 --impi set19@ims.example.com --impu sip:set19@ims.example.com \
        --domain ims.example.com --delta 8796093022207 --key-file - >>"$output_log" 2>&1 ||
    fail "subscriber add failed: $(tail -n 1 "$output_log")"
mkdir -p "$work/pki"
for file in ca.pem wwsf-1.pem wwsf-1.key; do
    inside cat "/var/lib/nisim/pki/$file" >"$work/pki/$file"
done
answer=$(ask --json authenticate +15550119 "$(vector rand)" "$(vector derived_autn)")
expect 'an authentication from outside' "$(vector f2)" "$(jq -r .res <<<"$answer")"

expect 'stops with 0 when asked' 0 "$(podman stop -t 20 "$container" >>"$output_log" && podman inspect -f '{{.State.ExitCode}}' "$container")"
podman rm "$container" >>"$output_log"
start
wait_healthy
status=0
ask authenticate +15550119 "$(vector rand)" "$(vector derived_autn)" >>"$output_log" 2>&1 || status=$?
expect 'a new container on the volume knows the SQN' 4 "$status"
