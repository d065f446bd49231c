#!/usr/bin/env bash
# Installs the programs that the tests start and the machine lacks, from Debian's packages: PostgreSQL's server, nginx, tinyproxy,
# PgBouncer, and the libraries that give a process another clock and another resolver. Safe to run again. None is left running.
set -euo pipefail

declare -A packages=(
  [postgresql]='/usr/lib/postgresql/*/bin/initdb'
  [nginx]='/usr/sbin/nginx'
  [tinyproxy]='/usr/bin/tinyproxy'
  [pgbouncer]='/usr/sbin/pgbouncer'
  [libfaketime]='/usr/lib/*/faketime/libfaketime.so.1'
  [libnss-wrapper]='/usr/lib/*/libnss_wrapper.so'
)

missing() {
  local package
  for package in "${!packages[@]}"; do
    compgen -G "${packages[$package]}" > /dev/null || echo "$package"
  done
}

mapfile -t wanted < <(missing | sort)
[ "${#wanted[@]}" -gt 0 ] || exit 0

if ! command -v apt-get > /dev/null; then
  echo "needed and not found: ${wanted[*]}; install them with this system's package manager" >&2
  exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"

# the packages of servers start them; the tests start their own
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" > /dev/null
  $sudo chmod 755 "$policy"
  trap '$sudo rm -f "$policy"' EXIT
fi
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" > /dev/null

mapfile -t wanted < <(missing | sort)
if [ "${#wanted[@]}" -gt 0 ]; then
  echo "installed, but not found where they are looked for: ${wanted[*]}" >&2
  exit 1
fi
