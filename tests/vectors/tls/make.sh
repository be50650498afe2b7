#!/bin/sh
# Makes the files of this folder: an authority that exists for the tests only, a receiver's certificate from it for
# localhost and 127.0.0.1, one from it for another name, and one that nobody vouches for. Good for a hundred years.
set -eu
cd "$(dirname "$0")"
days=36500
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
issue() { # name, subjectAltName
    key "$1"
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n' "$2" >"$1.ext"
    openssl req -new -key "$1.key" -subj "/CN=$1" | openssl x509 -req -CA authority.pem -CAkey authority.key -days $days -extfile "$1.ext" -out "$1.crt"
    cat "$1.key" "$1.crt" >"$1.pem"
    rm "$1.key" "$1.crt" "$1.ext"
}
key authority
openssl req -x509 -new -key authority.key -subj "/CN=plivo-autoreply tests" -days $days -out authority.pem \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
issue good "DNS:localhost,IP:127.0.0.1"
issue elsewhere "DNS:elsewhere.example"
key self-signed
openssl req -x509 -new -key self-signed.key -subj "/CN=localhost" -days $days -out self-signed.crt \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1"
cat self-signed.key self-signed.crt >self-signed.pem
rm self-signed.key self-signed.crt authority.key
