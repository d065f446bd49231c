#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: PostgreSQL's server programs, from the system's packages. Safe to run again.
set -euo pipefail

have_postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null; }

if ! have_postgres; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  if ! command -v apt-get > /dev/null; then
    echo "PostgreSQL's server programs are needed under /usr/lib/postgresql; install them with this system's package manager" >&2
    exit 1
  fi
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql > /dev/null
fi
have_postgres
