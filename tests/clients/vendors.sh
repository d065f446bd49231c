# One gateway for each vendor that has built-in models, with that vendor's provider alone: sourced by run.sh, whose functions it uses.
#
# The scripted provider refuses under /VENDOR what that vendor publishes that it refuses, and counts it; at the end the count must be 0.

# nothing_refused URL: the scripted provider at URL refused nothing by a vendor's rules
nothing_refused() {
  python3 - "$1" << 'PYTHON'
import json, sys, urllib.request
stats = json.load(urllib.request.urlopen(f"{sys.argv[1]}/stats"))
assert stats["requests"] > 0, "the provider was not asked"
assert stats["refused"] == 0, "\n".join([f"{stats['refused']} refused", *stats["refusals"]])
PYTHON
}

vendors() {
  local kind scripted
  echo a-key-of-this-vendor > "$work/vendor-key"
  chmod 600 "$work/vendor-key"
  for kind in anthropic openai gemini mistral xai groq together deepseek; do
    start "scripted-$kind" mock-upstream --listen 127.0.0.1:0
    scripted=$url
    sed "s|BASE_URL|$scripted|; s|KEY_FILE|$work/vendor-key|; s|KIND|$kind|g" "$here/vendor.toml" > "$work/vendor-$kind.toml"
    start "vendor-$kind" serve --config "$work/vendor-$kind.toml" --listen 127.0.0.1:0
    gateway=vendor-$kind
    suite python-v1 "$cache/python-v1/bin/python" "$here/python/vendor_messages.py"
    suite python-v2 "$cache/python-v2/bin/python" "$here/python/vendor_messages.py"
    suite python-openai "$cache/python-openai/bin/python" "$here/python/vendor_openai.py"
    suite typescript env --chdir="$cache/typescript" node --import tsx --test-reporter=tap vendors.ts
    check "$gateway: the vendor refused nothing" nothing_refused "$scripted"
    stop "$gateway"
  done
}
