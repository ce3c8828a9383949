#!/bin/bash
# C files are as clang-format 14 (Debian 12) makes them; other versions differ in small things.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"

version=$(clang-format --version 2>/dev/null | sed -E 's/.*version ([0-9]+).*/\1/')
[ "$version" = 14 ] || skip "this needs clang-format 14, here is ${version:-none}"

mapfile -t files < <(files_in "${rooms[@]}" tests | grep '\.[ch]$')
clang-format --dry-run -Werror "${files[@]}" 2>&1 | grep -E '^[^ ]+: (error|warning):' |
    findings_of 'run clang-format -i'
finish "format of ${#files[@]} files"
