#!/bin/sh
# Tries docker/compose.yaml for real: starts it, installs through the proxy, ends a replica, installs again, and stops it.
#   ./docker/smoke.sh                        needs a container engine with `compose`, npm, curl and openssl
#   ENGINE=podman KEEP=1 ./docker/smoke.sh   with another engine; KEEP leaves it running
# Nothing of a deployment of yours is touched: it has a project, volumes and ports of its own.
set -eu
cd "$(dirname "$0")/.."
port=${MIRROR_PORT:-18443}
export MIRROR_PORT="$port" GRAFANA_PORT="${GRAFANA_PORT:-13000}"
engine=${ENGINE:-docker}
work=$(mktemp -d)
compose() { "$engine" compose --project-name provenance-smoke --file docker/compose.yaml --file "$work/smoke.yaml" "$@"; }
finish() {
  status=$?
  if [ "$status" -ne 0 ]; then compose logs --tail 40 mirror-1 mirror-2 proxy || true; fi
  if [ -z "${KEEP:-}" ]; then compose down --volumes --timeout 30 || true; fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

./docker/secrets.sh localhost
# The same configuration, by the address of this run.
cp -R docker/mirror "$work/mirror"
sed "s#https://localhost:8443#https://localhost:$port#" docker/mirror/config.yaml > "$work/mirror/config.yaml"
# The containers' user is not this one.
chmod -R a+rX "$work"
cat > "$work/smoke.yaml" <<YAML
services:
  mirror-1: { volumes: ["$work/mirror:/config:ro"] }
  mirror-2: { volumes: ["$work/mirror:/config:ro"] }
YAML

compose up --detach --build --wait --wait-timeout 300
registry="https://localhost:$port"
ask() { curl --silent --show-error --fail --cacert docker/secrets/tls.crt --max-time 5 "$@"; }

ready() {
  ask --retry 60 --retry-delay 2 --retry-all-errors --output /dev/null "$registry/-/provenance/ready"
}
install() {
  echo "== $1"
  rm -rf "$work/project" "$work/cache"
  mkdir "$work/project"
  (cd "$work/project" && echo '{"private":true}' > package.json &&
    NODE_EXTRA_CA_CERTS="$OLDPWD/docker/secrets/tls.crt" npm install is-number@7.0.0 --registry "$registry/" --cache "$work/cache" --no-audit --no-fund --no-update-notifier)
  test -f "$work/project/node_modules/is-number/package.json"
}

ready
install 'through both replicas'
compose kill mirror-1
install 'while one of them is gone'
compose start mirror-1
ready
compose stop --timeout 30 mirror-2
install 'through the one that came back'
compose exec mirror-1 verdaccio-provenance ledger show is-number@7.0.0 --config /config/config.yaml
echo '== everything went well'
