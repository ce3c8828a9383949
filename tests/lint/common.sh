# shellcheck shell=bash
# Shared by the lints; sourced. A finding is one line "file:line: what"; any finding fails.
set -uo pipefail
shopt -s lastpipe # so that findings_of counts in this shell
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

# shellcheck disable=SC2034 # the lints read it
rooms=(proto hsm firmware provisioning)
findings=0

finding() {
    printf '%s\n' "$1"
    findings=$((findings + 1))
}

# Findings from standard input, with what they mean: grep ... | findings_of 'why it is one'
findings_of() {
    local line
    while IFS= read -r line; do
        finding "$line    <- $1"
    done
}

# skip WHY: 77 is ctest's SKIP_RETURN_CODE.
skip() {
    printf 'skipped: %s\n' "$1"
    exit 77
}

# of_clang_14 TOOL: Debian 12's, for other versions format and judge otherwise; leaves it in `tool`.
of_clang_14() {
    local version
    for tool in "$1-14" "$1"; do
        version=$("$tool" --version 2>/dev/null | sed -nE 's/.*version ([0-9]+).*/\1/p')
        [ "$version" != 14 ] || return 0
    done
    skip "this needs $1 14 (Debian 12), here is ${version:-none}"
}

# finish WHAT WAS LOOKED AT
finish() {
    if [ "$findings" = 0 ]; then
        printf '%s: nothing found\n' "$1"
        exit 0
    fi
    printf '%s: %d found\n' "$1" "$findings"
    exit 1
}

# files_in FOLDER...: C files and tables
files_in() {
    find "$@" -name '*.[ch]' -o -name '*.def' | sort
}

# Every file of the project, whatever git knows of it, but no build folder.
project_files() {
    find . \( -name .git -o -path './build*' -o -name __pycache__ \) -prune -o -type f -print | sort
}
