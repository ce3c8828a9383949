# shellcheck shell=bash
# What the project's scripts say and how; sourced. Set output_log before, to the file that takes the
# output of the commands they run.

: "${output_log:=/dev/null}"
# No command asks anybody anything; sudo has a way of its own to the terminal.
exec </dev/null

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' faint=$'\e[2m' plain=$'\e[0m'
else
    bold='' faint='' plain=''
fi

# One line a step: what, then how it went.
say() {
    printf '  %s%-13s%s%s\n' "$bold" "$1" "$plain" "$2"
}

# A continuation of the last step.
say_more() {
    printf '  %-13s%s%s%s\n' '' "$faint" "$1" "$plain"
}

# The end: one sentence.
fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-1}"
}

# run_logged WHAT COMMAND...: its output goes to the log; on failure its last lines come here.
run_logged() {
    local what=$1
    shift
    printf '\n$ %s\n' "$*" >>"$output_log"
    if ! "$@" >>"$output_log" 2>&1; then
        tail -n 15 "$output_log" >&2
        fail "$what failed; all of its output is in $output_log"
    fi
}
