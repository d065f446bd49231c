#!/usr/bin/env bash
# What the long form of the chaos tests needs beside PostgreSQL: a clock that can be bent. Safe to run again.
set -euo pipefail

if ! compgen -G '/usr/lib/*/faketime/libfaketime.so.1' > /dev/null; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends faketime > /dev/null
fi
