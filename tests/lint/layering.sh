#!/bin/bash
# The arrows of ARCHITECTURE.md: which room may include what, and, given a folder of programs,
# what each of them may link.
# shellcheck source=tests/lint/common.sh
. "$(dirname "$0")/common.sh"

# room: rooms it may include besides itself: system headers nobody else may include
arrows='
proto: :
hsm: proto: p11-kit/ dlfcn.h openssl/evp.h
proto/client: proto proto/client/bench: openssl/ jansson.h libconfig.h netdb.h
proto/client/bench: proto proto/client hsm: openssl/ jansson.h
proto/client/pcsc: proto proto/client:
firmware/shared: proto: libconfig.h seccomp.h
firmware/store: proto hsm: sqlite3.h
firmware/audit: proto hsm firmware/store: openssl/
firmware/card: proto:
firmware/keeper: proto hsm firmware/shared firmware/store firmware/audit firmware/card:
firmware/front: proto firmware/shared: openssl/ event2/ libp11.h p11-kit/uri.h netdb.h
firmware/nisimd: proto firmware/shared: netdb.h
provisioning: proto hsm firmware/shared firmware/store firmware/audit: jansson.h csv.h libxml/ openssl/
'

private=$(printf '%s' "$arrows" | cut -d : -f 3 | tr ' ' '\n' | sort -u | sed '/^$/d')

# starts_with_one_of NAME "PREFIX..."
starts_with_one_of() {
    local prefix
    for prefix in $2; do
        [[ $1 != "$prefix"* ]] || return 0
    done
    return 1
}

# is_in_one_of NAME FOLDER...
is_in_one_of() {
    local folder
    for folder in "${@:2}"; do
        [ ! -e "$folder/$1" ] || return 0
    done
    return 1
}

# check_include FILE "12:#include ..." ROOM "ROOMS IT MAY" "HEADERS OF ITS OWN"
check_include() {
    local file=$1 line=$2 room=$3 own=$5 name may
    read -ra may <<<"$4"
    [[ $line =~ [\<\"]([^\>\"]+) ]] && name=${BASH_REMATCH[1]}
    case $line in
    *\"*)
        is_in_one_of "$name" "$room" "${may[@]}" ||
            finding "$file:${line%%:*}: $room may not include $name"
        ;;
    *)
        if starts_with_one_of "$name" "$private" && ! starts_with_one_of "$name" "$own"; then
            finding "$file:${line%%:*}: $room may not include <$name>"
        fi
        ;;
    esac
}

while IFS=: read -r room may own; do
    [ -d "$room" ] || continue
    find "$room" -maxdepth 1 -name '*.[ch]' | while IFS= read -r file; do
        while IFS= read -r line; do
            check_include "$file" "$line" "$room" "$may" "$own"
        done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "$file")
    done
done < <(printf '%s' "$arrows" | sed '/^$/d; s/: */:/g')

# may_not_link PROGRAM LIBRARY...: not even through another library
may_not_link() {
    local program=$bin/$1 needs library
    needs=$(ldd "$program") || finding "$program: ldd failed"
    shift
    for library in "$@"; do
        [[ $needs != *"$library"* ]] || finding "${program##*/}: links $library"
    done
}

# may_not_have PROGRAM PATTERN WHY: among the symbols it defines or asks for
may_not_have() {
    local names
    names=$(nm "$bin/$1" | awk '{ print $NF }' | sed 's/@.*//' | grep -E "$2" | head -n 3 | tr '\n' ' ')
    [ -z "$names" ] || finding "$1: $3: $names"
}

if [ $# = 1 ]; then
    bin=$1
    may_not_link nisim-keeper libssl libevent libp11.so libconfig++
    may_not_link nisim-front libsqlite
    may_not_link nisimd libssl libcrypto libevent libp11 libsqlite
    may_not_link nisim libp11 libsqlite libevent libconfig++
    may_not_link nisim-token libssl libevent libp11.so
    may_not_have nisim-front '^(dlopen|C_GetFunctionList)$' 'loads a module itself'
    may_not_have nisim-front '^(token|keyring|milenage|aka|store|subscription)_' 'has code of hsm or the store'
    may_not_have nisimd '^(token|keyring|milenage|aka|store|subscription|wire|message)_' 'has code of hsm, the store or the wire'
    may_not_have nisim-keeper '^(keyfile|enrol|office)_' 'can write keys'
    may_not_have nisim-keeper '^(getaddrinfo|connect|bind|listen|accept4?|BIO_.*)$' 'can reach a network'
    may_not_have nisim '^(token|keyring|aka|store)_' 'has code of hsm or the store'
fi
finish 'layering'
