#!/bin/sh
# Makes what docker/compose.yaml keeps secret, in docker/secrets; what is there already stays as it is.
#   ./docker/secrets.sh [HOST…]      HOST: names and addresses that clients use, for a certificate that signs itself; localhost
# With a certificate of your own: put it, its chain and its private key into docker/secrets/tls.pem, in this order, before.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- localhost
umask 077
mkdir -p secrets

# The containers' users are not this one: they may read the files, and nobody else gets through the folder.
keep() {
  [ -s "secrets/$1" ] || { cat > "secrets/$1.new" && [ -s "secrets/$1.new" ] && chmod 444 "secrets/$1.new" && mv "secrets/$1.new" "secrets/$1" && echo "made docker/secrets/$1"; }
}

openssl rand -hex 32 | keep postgres_password
openssl rand -base64 48 | keep replicas_key
openssl rand -hex 16 | keep grafana_password

if [ ! -s secrets/tls.pem ]; then
  names=
  for host in "$@"; do
    case $host in
      *[!0-9a-zA-Z.:-]*) echo "not the name of a host: $host" >&2; exit 2 ;;
      *:* ) names="$names,IP:$host" ;;
      *[!0-9.]*) names="$names,DNS:$host" ;;
      *) names="$names,IP:$host" ;;
    esac
  done
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 397 -subj "/CN=$1" -addext "subjectAltName=${names#,}" \
    -keyout secrets/.key -out secrets/.certificate 2>/dev/null
  rm -f secrets/tls.crt
  keep tls.crt < secrets/.certificate
  cat secrets/.certificate secrets/.key | keep tls.pem
  rm -f secrets/.certificate secrets/.key
  echo 'clients believe it with NODE_EXTRA_CA_CERTS=docker/secrets/tls.crt'
fi
