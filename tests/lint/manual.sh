#!/bin/bash
# Man pages are well formed, and each option that a program or the configuration has is in its page,
# and each metric.
# Argument: the folder of the programs.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"
bin=$1

# A page as a reader sees it, without the terminal's overstrikes, on one line.
declare -A text_of
read_page() {
    text_of[$1]=$(mandoc -Tascii -Owidth=200 "$1" 2>/dev/null | sed 's/.\x08//g' | tr -s ' \n' ' ')
}

# need PAGE WORDS WHY
need() {
    grep -qE -- "(^|[^[:alnum:]-])${2//./\\.}([^[:alnum:]-]|\$)" <<<"${text_of[$1]}" ||
        finding "$1: $2 is not in the page, $3"
}

# Options and verbs: "  --config FILE   what" and "  subscriber add   what".
help_names() {
    "$bin/$1" --help | grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z0-9-]*' | grep -oE -- '--.*'
    "$bin/$1" --help | sed -nE 's/^  ([a-z]+( [a-z]+)?)( [A-Z ]*|)  +.*/\1/p'
}

mapfile -t pages < <(find "${rooms[@]}" -name '*.[1-8]' | sort)
mandoc -Tlint -Wwarning "${pages[@]}" | findings_of 'mandoc -Tlint'

for page in nisimd.8 nisim.conf.5 nisim.1 nisim-pcsc.1 nisim-token.1; do
    [[ " ${pages[*]} " == */$page\ * ]] || finding "$page: there is no such page"
done

for page in "${pages[@]}"; do
    read_page "$page"
    name=${page##*/}
    [[ $name == *.[18] && -x $bin/${name%.?} ]] || continue
    help_names "${name%.?}" | sort -u | while IFS= read -r word; do
        need "$page" "$word" 'but --help names it'
    done
done

[ "$findings" = 0 ] || finish "${#pages[@]} man pages"

# OPTION_NUMBER("limits.in_flight", ...) of options.def stands in nisim.conf(5).
grep -oE '^OPTION_[A-Z]+\("[^"]+"' firmware/shared/options.def | cut -d '"' -f 2 |
    while IFS= read -r option; do
        need firmware/nisimd/nisim.conf.5 "${option##*.}" 'but options.def lists it'
    done

# METRIC(REQUESTS, "nisim_requests_total", ...) of metrics.def stands in nisimd(8).
grep -oE '^METRIC\([A-Z_]+, "[^"]+"' firmware/front/metrics.def | cut -d '"' -f 2 |
    while IFS= read -r metric; do
        need firmware/nisimd/nisimd.8 "$metric" 'but metrics.def lists it'
    done
finish "${#pages[@]} man pages"
