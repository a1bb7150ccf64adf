#!/usr/bin/env bash
# Fetch one model or data set into a folder; what was fetched before an interruption is kept and continued.
# usage: download.sh --output FOLDER [OPTIONS] SOURCE...
#   SOURCE  URL of an archive (.tar.gz, .tgz, .tar, .zip: unpacked, its single top folder dropped) or of another file;
#           hub id (owner/name or owner/name@revision); local folder, or local file as behind a URL
#   --mirror BASE          with --base BASE: tried where the first does not give the file
#   --redirect_hosts 'H …' hosts that a redirect may lead to (default: none but the source's own)
#   --knob NAME            what messages tell to set; further options: fetch_sources.py --help
#   Each file's sha256 is recorded beside FOLDER at first sight and compared ever after. Proxies are those of
#   HTTPS_PROXY and HTTP_PROXY; HF_ENDPOINT is another hub, HF_TOKEN the token for gated models.
# example: scripts/download.sh --output models/copy/gemma-2b-it models/demo/gemma-2b-it
set -euo pipefail
case ${1:-} in
  -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0;;
esac
# Users, passwords and queries of addresses are not for the log.
echo "+ fetch_sources.py $(sed -E 's#(://)[^/?[:space:]]*@#\1#g; s#(://[^?[:space:]]*)\?[^[:space:]]*#\1?…#g' <<< "$*")"
# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"
exec "$python" "$py/fetch_sources.py" "$@"
