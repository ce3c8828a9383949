#!/bin/bash
# cppcheck and clang-tidy over the product; leaks and uninitialised memory are for the sanitizers.
# Arguments: the build folder (compile_commands.json) and a folder that remembers what, as it is,
# gave no finding.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"
build=$1
memory=$2
mkdir -p "$memory"
cores=$(nproc)

of_clang_14 clang-tidy

mapfile -t files < <(files_in "${rooms[@]}" | grep '\.c$')
mapfile -t headers < <(files_in "${rooms[@]}" | grep -v '\.c$')
mapfile -t folders < <(printf '%s\n' "${files[@]%/*}" | sort -u)

# sum_of FILE...: of these, of the rules and of who judges by them
rules=$("$tool" --version; cppcheck --version; cat .clang-tidy tests/lint/analysis.sh)
sum_of() {
    printf '%s' "$rules" | cat - "$@" | sha256sum | cut -d ' ' -f 1
}

whole=$memory/whole-$(sum_of "${files[@]}" "${headers[@]}")
[ ! -e "$whole" ] || finish "analysis of ${#files[@]} files, all as they were"

cppcheck --quiet -j "$cores" --std=c11 --enable=warning,portability,performance --inline-suppr \
    --suppress=missingInclude --suppress=missingIncludeSystem --suppress=legacyUninitvar \
    --suppress=memleak --template='{file}:{line}: {message} [{id}]' \
    --cppcheck-build-dir="$memory" -D_GNU_SOURCE -DNISIM_VERSION='""' \
    "${folders[@]/#/-I}" "${files[@]}" 2>&1 | findings_of cppcheck

# tidy FILE HEADER...: its findings, and remembers when there were none
tidy() {
    local said remembered
    remembered=$memory/tidy-$(sum_of "$@")
    [ ! -e "$remembered" ] || return 0
    if said=$("$tool" --quiet -p "$memory" "$1" 2>/dev/null); then
        : >"$remembered"
    else
        printf '%s\n' "$said" | grep -E ': (warning|error):' || printf '%s: clang-tidy failed\n' "$1"
    fi
}

# What gcc was told and clang 14 doesn't know.
sed -E 's/-f(trivial-auto-var-init|zero-call-used-regs)=[a-z-]+//g' \
    "$build/compile_commands.json" >"$memory/compile_commands.json"

# Headers of one name in two rooms: here all of them count, for gcc may take the other one.
twins=$(printf '%s\n' "${headers[@]}" | awk -F / '{ name[NR] = $NF; path[NR] = $0; count[$NF]++ }
    END { for (i = 1; i <= NR; i++) if (count[name[i]] > 1) print path[i] }' | paste -sd ' ')

# with_headers: a line for each file, with those of the project that it includes
with_headers() {
    gcc -MM -MG -D_GNU_SOURCE "${folders[@]/#/-I}" "${files[@]}" |
        sed -E ':join; /\\$/ { N; s/ *\\\n */ /; b join }; s/^[^:]*: *//' |
        while read -ra words; do
            for word in "${words[@]}"; do
                [ ! -e "$word" ] || printf '%s ' "$word"
            done
            printf '%s\n' "$twins"
        done
}

export -f sum_of tidy
export rules memory tool
with_headers | xargs -P "$cores" -L 1 bash -c 'tidy "$@"' tidy | sort -u | findings_of clang-tidy
[ "$findings" != 0 ] || : >"$whole"
finish "analysis of ${#files[@]} files"
