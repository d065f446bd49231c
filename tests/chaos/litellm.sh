#!/usr/bin/env bash
# LiteLLM's proxy in a virtual environment under target/, and the faults that can be compared without its database.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=1.106.2
venv=target/litellm-venv
if ! "$venv/bin/python" -c "import importlib.metadata as m; assert m.version('litellm') == '$VERSION'" 2> /dev/null; then
  uv venv --clear "$venv"
  uv pip install --quiet --python "$venv/bin/python" "litellm[proxy]==$VERSION"
fi
cargo test --test chaos -- "${1:-full}" litellm-T8 litellm-T9
