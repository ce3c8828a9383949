#!/bin/sh
# A laboratory PKI with the openssl command: a CA and certificates from it. Not for the field: the
# CA's key lies beside the certificates.
#
#   lab_pki.sh ca FOLDER                          FOLDER/ca.pem and ca.key
#   lab_pki.sh server FOLDER NAME SAN[,SAN...]    FOLDER/NAME.pem and NAME.key
#   lab_pki.sh client FOLDER NAME SAN[,SAN...]    SAN as openssl writes it: DNS:a.example,IP:127.0.0.1
set -eu

usage() {
    sed -n 's/^#   \(lab_pki.*\)/\1/p' "$0" >&2
    exit 2
}

# request_file EXTENSIONS: what openssl req reads; its own configuration file is not asked.
request_file() {
    printf '[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n'
    printf '[name]\nO = nisim laboratory\nCN = %s\n' "$name"
    printf '[extensions]\nsubjectKeyIdentifier = hash\n%s\n' "$1"
}

# certificate DAYS EXTENSIONS [OPENSSL ARGUMENT...]
certificate() {
    days=$1
    extensions=$2
    shift 2
    umask 077
    request=$(mktemp "$folder/request.XXXXXX")
    trap 'rm -f "$request" "$request.said"' EXIT
    request_file "$extensions" >"$request"
    openssl req -new -x509 -config "$request" -days "$days" -sha256 \
        -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
        -keyout "$folder/$name.key" -out "$folder/$name.pem" "$@" 2>"$request.said" || {
        cat "$request.said" >&2
        exit 1
    }
    chmod 644 "$folder/$name.pem"
}

issue() {
    certificate 730 "basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $1
subjectAltName = $2" -CA "$folder/ca.pem" -CAkey "$folder/ca.key"
}

[ $# -ge 2 ] || usage
kind=$1
folder=$2
mkdir -p "$folder"
case $kind in
ca)
    name=ca
    certificate 3650 'basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign'
    ;;
server | client)
    [ $# = 4 ] || usage
    name=$3
    issue "${kind}Auth" "$4"
    ;;
*) usage ;;
esac
