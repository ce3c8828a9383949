#!/bin/bash
# House rules of CONTRIBUTING.md that a program can see. With a build folder given, global
# variables are looked for in its object files.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"

function_lines_max=80
file_lines_max=500
columns_max=100

mapfile -t product < <(files_in "${rooms[@]}" | grep '\.[ch]$')
mapfile -t all < <(files_in "${rooms[@]}" tests | grep '\.[ch]$')
code=$(mktemp -d)
trap 'rm -rf "$code"' EXIT

# Code with its comments and texts blanked, so that words in them are no findings; line numbers stay.
printf '%s\n' "${all[@]%/*}" | sort -u | sed "s,^,$code/," | xargs mkdir -p
awk -v code="$code" '
    FNR == 1 { close(blanked); blanked = code "/" FILENAME; inside = 0 }
    { gsub(/"([^"\\]|\\.)*"/, "\"\""); gsub(/\/\*[^*]*\*+\//, "") }
    /^[[:space:]]*\/\*/ { inside = 1 }
    { print inside ? "" : $0 >blanked }
    /\*\// { inside = 0 }' "${all[@]}"

# banned PATTERN WHY FILE...
banned() {
    local pattern=$1 why=$2
    shift 2
    (cd "$code" && grep -nHE "$pattern" "$@") | findings_of "$why"
}

# files_of PATTERN, files_but PATTERN: of the product
files_of() {
    printf '%s\n' "${product[@]}" | grep -E "$1"
}

files_but() {
    printf '%s\n' "${product[@]}" | grep -vE "$1"
}

mapfile -t libraries < <(files_of '^(proto|hsm)/[^/]*$')
mapfile -t appliance < <(files_of '^firmware/(front|keeper|store)/')
mapfile -t no_warden < <(files_but '^firmware/nisimd/')
mapfile -t no_makers < <(files_but '^(firmware/nisimd/|provisioning/import_makers\.c$)')
mapfile -t no_notify < <(files_but '^firmware/nisimd/notify\.c$')
mapfile -t no_secret < <(files_but '^proto/secret')

awk -v lines=$function_lines_max -v columns=$columns_max -v file_lines=$file_lines_max '
    function found(what) { print FILENAME ":" FNR ": " what }
    FNR == 1 { start = 0 }
    FNR == file_lines + 1 { found("file of more than " file_lines " lines") }
    length($0) > columns { found(length($0) " columns") }
    /^\{$/ { start = FNR }
    start && /^[[:space:]]*#[[:space:]]*(if|else|elif)/ { found($0 " in a function") }
    start && /^\}/ {
        if (FNR - start - 1 > lines)
            found("function of " FNR - start - 1 " lines")
        start = 0
    }' "${all[@]}" | findings_of 'not in this house'

word='(^|[^[:alnum:]_.>])'
banned "$word(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|strtok|alloca|system|popen|tmpnam|mktemp|rand|srand)\(" \
    'not to be used' "${product[@]}"
banned "${word}(getenv|secure_getenv)\(" \
    "nothing but systemd's socket comes from the environment" "${no_notify[@]}"
banned "${word}(setenv|putenv)\(" 'only nisimd says what its children find there' "${no_warden[@]}"
banned "$word(f|v|vf|d)?printf\(|${word}(puts|fputs|putchar|perror|syslog)\(" 'libraries return, programs log' "${libraries[@]}"
banned "$word(printf|puts|perror)\(" 'programs of the appliance log' \
    "${appliance[@]}"
banned "${word}memcmp\(([^;]*[^[:alnum:]_])?(k|op|opc|ck|ik|ak|res|mac|autn|seal|pin|password|secret|[a-z_]*_key)([^[:alnum:]_(]|_erase)" \
    'secrets are compared with secret_equal' "${product[@]}"
banned "${word}(memset|bzero|explicit_bzero)\([^;]*(secret|pin|opc|ck|ik|res)[,.)]" \
    'secrets are wiped with secret_wipe' "${no_secret[@]}"
banned "${word}fork\(" "only nisimd makes processes, and a large import" "${no_makers[@]}"
banned "${word}pthread_([^a]|a[^t])|${word}thrd_" 'no threads' "${product[@]}"
banned '^typedef struct' 'struct x is spelled out' "${product[@]}"
banned '//' 'comments are /* */' "${product[@]}"

mapfile -t text < <(project_files | grep -E '\.(c|h|def|sh|py|md|txt|cmake|[1-8])$|/(check|quickstart|Dockerfile|run)$')
grep -nwE 'TO''DO|FIX''ME|X''XX' "${text[@]}" | findings_of 'do it or file an issue'
grep -nP '\t' "${all[@]}" | findings_of 'a tab'
grep -nE '[[:space:]]+$' "${text[@]}" | findings_of 'blanks at the end of the line'
grep -nE '(^|[^[:alnum:]_.])/(home|root|Users)/' "${text[@]}" | findings_of 'a path of some machine'
here=$(pwd)
case $here in
/*/*/*) grep -nF "$here/" "${text[@]}" | findings_of 'a path of this machine' ;;
esac

# A header says first what it is for, and is guarded by its room and name.
files_of '\.h$' | while IFS= read -r header; do
    grep -qE '/\*' "$header" || finding "$header:1: says nothing of what others may do"
    guard=NISIM_$(printf '%s' "${header#firmware/}" | tr 'a-z/.-' 'A-Z___')
    grep -qE "^#ifndef $guard\$" "$header" || finding "$header:1: guard is not $guard"
done

# Writable data of an object file; constant tables are in .rodata or .data.rel.ro, a number behind
# the name means that it is one function's. A signal handler can have nothing but a flag.
if [ $# = 1 ]; then
    mapfile -t objects < <(find "$1" -name '*.c.o' -not -path '*/tests/*')
    [ ${#objects[@]} != 0 ] || finding "$1: no object files"
    objdump -t "${objects[@]}" |
        awk '/ file format / { object = $1 }
             $3 == "O" && $4 ~ /^\.t?(data|bss)/ && $4 !~ /^\.data\.rel\.ro/ && $NF !~ /\.[0-9]+$/ {
                 print object, $NF }' |
        sed -E "s,^$1/,,; s,CMakeFiles/[^/]*/,,; s,\.o: , ," |
        while read -r file name; do
            case $file in
            */main.c | */log.c) ;;
            *) grep -qE "sig_atomic_t $name\b" "$file" || printf '%s: %s\n' "$file" "$name" ;;
            esac
        done | findings_of 'a global variable outside main.c and log.c'
fi
finish 'house rules'
