#!/bin/bash
# C files are as clang-format 14 makes them.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"

of_clang_14 clang-format

mapfile -t files < <(files_in "${rooms[@]}" tests | grep '\.[ch]$')
"$tool" --dry-run -Werror "${files[@]}" 2>&1 | grep -E '^[^ ]+: (error|warning):' |
    findings_of "run $tool -i"
finish "format of ${#files[@]} files"
