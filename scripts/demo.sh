# shellcheck shell=bash
# The laboratory of ./quickstart, in build/demo; sourced, after output.sh, in the project's folder.

demo=build/demo
vectors=tests/vectors/milenage_vectors.json
: "${faint:=}" "${plain:=}"
export SOFTHSM2_CONF=$PWD/$demo/softhsm2.conf

# vector SET FIELD of TS 35.208
vector() {
    jq -r --argjson set "$1" --arg field "$2" \
        '.vectors[] | select(.set == $set) | .[$field]' "$vectors"
}

# user_id SET, a number of the range kept for fiction
user_id() {
    printf '+155501%02d' "$1"
}

demo_nisim() {
    build/bin/nisim --config "$demo/client.conf" "$@"
}

demo_make_pki() {
    rm -rf "$demo"
    mkdir -p "$demo/state"
    run_logged 'the CA' scripts/lab_pki.sh ca "$demo/pki"
    run_logged 'the server certificate' scripts/lab_pki.sh server "$demo/pki" server \
        DNS:localhost,IP:127.0.0.1
    run_logged 'the client certificate' scripts/lab_pki.sh client "$demo/pki" wwsf-1 \
        DNS:wwsf-1.example.com
    say pki "$demo/pki: a CA, a server certificate for localhost, a client certificate for wwsf-1"
}

# The first port from 7443 on that nobody serves.
free_port() {
    local port
    for port in $(seq 7443 7462); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    fail 'the ports 7443 to 7462 of 127.0.0.1 are all taken: stop what serves one of them'
}

write_settings() {
    local port
    port=$(free_port)
    cat >"$demo/softhsm2.conf" <<END
directories.tokendir = $PWD/$demo/tokens
objectstore.backend = file
log.level = ERROR
END
    cat >"$demo/nisim.conf" <<END
# nisim.conf(5). Paths are relative to this file's folder.
listen = "127.0.0.1:$port";
store = "state/nisim.db";
keepers = 2;
tls: { certificate = "pki/server.pem"; key = "pki/server.key"; client_ca = "pki/ca.pem"; };
token: { module = "/usr/lib/softhsm/libsofthsm2.so"; label = "nisim"; pin_file = "pin"; };
clients = (
    { name = "wwsf-1"; certificate = "dns:wwsf-1.example.com";
      domains = ("ims.example.com"); forms = ("digest", "ha1", "card"); }
);
END
    cat >"$demo/client.conf" <<END
server = "127.0.0.1:$port";
ca = "pki/ca.pem";
certificate = "pki/wwsf-1.pem";
key = "pki/wwsf-1.key";
END
}

demo_make_token() {
    write_settings
    mkdir -m 700 "$demo/tokens"
    (umask 077 && openssl rand -hex 16 >"$demo/pin" && openssl rand -hex 16 >"$demo/so-pin")
    run_logged 'nisim-token init' build/bin/nisim-token init --laboratory --config "$demo/nisim.conf" \
        --label nisim --so-pin-file "$demo/so-pin"
    say token "SoftHSM token \"nisim\", PIN in $demo/pin, keys made inside that never come out"
}

# The sets' SQNs lie all over their range, which no Delta of the field would allow.
demo_add_subscribers() {
    local sets set
    sets=$(jq '.vectors[].set' "$vectors")
    for set in $sets; do
        printf 'K=%s\nOP=%s\n' "$(vector "$set" k)" "$(vector "$set" op)" |
            run_logged "nisim-token subscriber add of set $set" \
            build/bin/nisim-token subscriber add --config "$demo/nisim.conf" \
            --user-id "$(user_id "$set")" --impi "set$set@ims.example.com" \
            --impu "sip:$(user_id "$set")@ims.example.com" --impu "tel:$(user_id "$set")" \
            --domain ims.example.com --p-cscf pcscf.ims.example.com \
            --delta 8796093022207 --key-file -
    done
    say subscribers "$(wc -w <<<"$sets"), $(user_id 1) to $(user_id 20): the test sets of TS 35.208, keys in the token"
}

demo_address() {
    sed -n 's/^listen = "\(.*\)";/\1/p' "$demo/nisim.conf"
}

# Leaves its process in demo_pid. A number that some other program has now doesn't count.
demo_running() {
    demo_pid=$(cat "$demo/nisimd.pid" 2>/dev/null) || return 1
    [[ $(tr '\0' ' ' 2>/dev/null <"/proc/$demo_pid/cmdline") == *"nisimd --config $demo/nisim.conf"* ]]
}

# last_words: of the appliance's log, for a failure
last_words() {
    tail -n 5 "$demo/nisimd.log" >&2
}

demo_start() {
    setsid build/bin/nisimd --config "$demo/nisim.conf" >"$demo/nisimd.log" 2>&1 </dev/null &
    echo $! >"$demo/nisimd.pid"
    local try
    for try in $(seq 300); do
        if grep -q 'appliance-ready' "$demo/nisimd.log"; then
            say appliance "nisimd, process $!, ready on $(demo_address); its log is $demo/nisimd.log"
            return
        fi
        if ! kill -0 $! 2>/dev/null; then
            last_words
            fail "nisimd ended instead of serving; its log is $demo/nisimd.log"
        fi
        sleep 0.1
    done
    last_words
    demo_stop || true
    fail "nisimd was not ready after $((try / 10)) s and was stopped; its log is $demo/nisimd.log"
}

# False when none ran.
demo_stop() {
    demo_running || return 1
    kill -TERM "$demo_pid"
    local try
    for try in $(seq 200); do
        if ! demo_running; then
            rm -f "$demo/nisimd.pid"
            return 0
        fi
        sleep 0.1
    done
    fail "nisimd, process $demo_pid, did not end within $((try / 10)) s of being asked to"
}

# asked NAME NISIM_ARGUMENT...: shows its answer, and leaves it in `answer`
asked() {
    local name=$1 line
    shift
    say "$name" "nisim $*"
    answer=$(demo_nisim "$@" 2>&1) || fail "nisim $1 failed: $answer"
    while IFS= read -r line; do
        say_more "$line"
    done <<<"$answer"
}

demo_show() {
    printf '\n'
    asked ping ping
    asked identity identity "$(user_id 1)"
    asked authenticate authenticate "$(user_id 1)" "$(vector 1 rand)" "$(vector 1 derived_autn)"
    [[ $answer == *"res: $(vector 1 f2)"* ]] || fail 'this is not the RES of TS 35.208'
    say_more "which is what TS 35.208 says for set 1"
    printf '\n'
}

demo_say_next() {
    local nisim="build/bin/nisim --config $demo/client.conf"
    local autn
    autn=$(vector 3 derived_autn)
    cat <<END
  It goes on running. To try next, from this folder:

  ${faint}# another subscriber; the same again is a replay: exit status 4 and AUTS, as a card would${plain}
  $nisim authenticate $(user_id 3) $(vector 3 rand) $autn

  ${faint}# a SIP 401 in, the Authorization out: RES, CK and IK stay in the appliance${plain}
  $nisim authorize $(user_id 5) REGISTER sip:ims.example.com \\
    'Digest realm="ims.example.com", nonce="$(nonce 5)", algorithm=AKAv1-MD5, qop="auth"'

  ${faint}# one bit of the network's MAC flipped: exit status 3, and no AUTS${plain}
  $nisim authenticate $(user_id 4) $(vector 4 rand) $(flip_last_bit "$(vector 4 derived_autn)")

  ${faint}# what the token can do, who is in it, and take one out of service${plain}
  export SOFTHSM2_CONF=\$PWD/$demo/softhsm2.conf
  build/bin/nisim-token check --config $demo/nisim.conf
  build/bin/nisim-token subscriber show --config $demo/nisim.conf $(user_id 3)
  build/bin/nisim-token subscriber disable --config $demo/nisim.conf $(user_id 3)

  ./quickstart stop

END
}

# nonce SET: base64(RAND || AUTN) (RFC 3310)
nonce() {
    printf '%s%s' "$(vector "$1" rand)" "$(vector "$1" derived_autn)" | tr -d '\n' | sed 's/../\\x&/g' |
        xargs -0 printf '%b' | openssl base64 -A
}

# flip_last_bit HEX
flip_last_bit() {
    printf '%s%x' "${1%?}" $((0x${1: -1} ^ 1))
}
