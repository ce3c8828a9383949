#!/bin/bash
# cppcheck and clang-tidy over the product; leaks and uninitialised memory are for the sanitizers.
# Arguments: the build folder (compile_commands.json) and a folder that remembers which files, as
# they are, gave no finding.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"
build=$1
memory=$2
mkdir -p "$memory"

version=$(clang-tidy --version 2>/dev/null | sed -nE 's/.*version ([0-9]+).*/\1/p')
[ "$version" = 14 ] || skip "this needs clang-tidy 14 (Debian 12), here is ${version:-none}"

mapfile -t files < <(files_in "${rooms[@]}" | grep '\.c$')
mapfile -t folders < <(printf '%s\n' "${files[@]%/*}" | sort -u)
cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr \
    --suppress=missingInclude --suppress=missingIncludeSystem --suppress=legacyUninitvar \
    --suppress=memleak --template='{file}:{line}: {message} [{id}]' \
    --cppcheck-build-dir="$memory" -D_GNU_SOURCE -DNISIM_VERSION='""' \
    "${folders[@]/#/-I}" "${files[@]}" 2>&1 | findings_of cppcheck

# A file's findings depend on itself, the project's headers and the rules.
headers=$(files_in "${rooms[@]}" | grep -vE '\.c$' | xargs cat .clang-tidy | sha256sum)

# tidy FILE: its findings, and remembers when there were none
tidy() {
    local sum said
    sum=$(printf '%s' "$headers" | cat - "$1" | sha256sum)
    [ ! -e "$memory/tidy-${sum%% *}" ] || return 0
    if said=$(clang-tidy --quiet -p "$memory" "$1" 2>/dev/null); then
        : >"$memory/tidy-${sum%% *}"
    else
        printf '%s\n' "$said" | grep -E ': (warning|error):' || printf '%s: clang-tidy failed\n' "$1"
    fi
}

# What gcc was told and clang 14 doesn't know.
sed -E 's/-f(trivial-auto-var-init|zero-call-used-regs)=[a-z-]+//g' \
    "$build/compile_commands.json" >"$memory/compile_commands.json"

export -f tidy
export headers memory
printf '%s\n' "${files[@]}" | xargs -P 2 -I {} bash -c 'tidy {}' | sort -u | findings_of clang-tidy
finish "analysis of ${#files[@]} files"
