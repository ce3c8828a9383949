#!/bin/bash
# The two commands of the README in a Debian that has nothing installed: a fresh root folder
# (debootstrap), a clone of what is committed, ./quickstart --once and ./check inside, the latter a
# second time with all of it built. Needs root.
#
#   tests/clean_room.sh [bookworm|trixie]             everything
#   tests/clean_room.sh bookworm|trixie PART...       instead of ./check, ./check PART... and once
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${1:-bookworm}
parts=("${@:2}")
room=$PWD/build/clean-room
output_log=$room/$suite.log
. scripts/output.sh
. scripts/packages.sh

case $suite in
bookworm | trixie) ;;
*) fail "the suite is bookworm or trixie, not $suite" 2 ;;
esac
[ "$(id -u)" = 0 ] || fail 'this needs root: it mounts and changes root'
mkdir -p "$room"
: >"$output_log"
packages_install clean-room

# Kept from run to run; delete it for one of today.
tarball=$room/$suite.tar
root=$room/$suite
rm -rf "$root"
if [ ! -e "$tarball" ]; then
    run_logged debootstrap debootstrap --variant=minbase "$suite" "$root"
    tar -C "$root" -cf "$tarball.new" .
    mv "$tarball.new" "$tarball"
else
    mkdir "$root"
    tar -C "$root" -xf "$tarball"
fi
run_logged 'git clone' git clone --no-hardlinks . "$root/srv/nisim"
cp /etc/hosts /etc/resolv.conf "$root/etc/"
say 'clean room' "$suite, $(git log -1 --format='%h %s')"

# Namespaces of its own: what is mounted or left running in there ends with it.
inside() {
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount --pid --fork --kill-child --propagation private -- bash -euc '
        mount --rbind "$0" "$0" # unshare(1) in there wants its root to be a mount
        mount -t proc proc "$0/proc"
        mount -t sysfs -o ro sys "$0/sys"
        mount --rbind /dev "$0/dev"
        root=$0
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
            LANG=C.UTF-8 chroot "$root" sh -c "cd /srv/nisim && exec \"\$@\"" sh "$@"
    ' "$root" "$@" </dev/null
}

# timed COMMAND...: the same as a person would type
timed() {
    local start=$SECONDS result=passed
    inside "$@" || result="FAILED ($?)"
    timings+=("$(printf '%-24s %-12s %4d s' "$*" "$result" $((SECONDS - start)))")
    [ "$result" = passed ] || bad=1
}

timings=()
bad=0
timed ./quickstart --once
timed ./check "${parts[@]}"
[ ${#parts[@]} != 0 ] || timed ./check
printf '\n'
for timing in "${timings[@]}"; do
    say "$suite" "$timing"
done
rm -rf "$root"
exit "$bad"
