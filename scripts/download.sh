#!/usr/bin/env bash
# Fetch one model or data set into a folder; what was fetched before an interruption is kept and continued.
# usage: download.sh --output FOLDER SOURCE...
#   SOURCE  URL of a .tar.gz (unpacked, its single top folder dropped) or of another file; hub id (owner/name); a local
#           folder, or a local file as behind a URL
#   Each file's sha256 is recorded beside FOLDER at first sight and compared ever after.
# example: download.sh --output models/10k/gemma-2b-it /mnt/models/gemma-2b-it
set -euo pipefail
die() { echo "download.sh: $*" >&2; exit 1; }

output=
while [ $# -gt 0 ]; do
  case $1 in
    --output) output=${2:?a folder is needed}; shift 2;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0;;
    -*) die "unknown option $1 (see --help)";;
    *) break;;
  esac
done
[ -n "$output" ] || die "--output FOLDER is missing (see --help)"
[ $# -gt 0 ] || die "no source for $output; set SOURCE.${output##*/} to a URL, a hub id or a local path"
aside=$output+ parts=$output.part sums=$output.sha256
rm -rf "$aside"
mkdir -p "$aside" "$parts"

python=${PYTHON:-python3} py=$(cd "$(dirname "$0")/../py" && pwd)

fetch() { # URL FILE
  local again="run make again to continue, or give another source with SOURCE.${output##*/}=…" status=0 code length
  local get=(curl --location --fail --retry 5 --retry-connrefused --proto-redir "=http,https" --no-progress-meter)
  echo "download.sh: $1"
  [ "$(cat "$2.url" 2> /dev/null)" = "$1" ] || rm -f "$2"  # a part of another file of this name
  echo "$1" > "$2.url"
  code=$("${get[@]}" --continue-at - --write-out '%{http_code}' --output "$2" "$1") || status=$?
  if [ "$code" = 416 ]; then # nothing is left to continue: the part is whole, or not of this file
    length=$("${get[@]}" --head "$1" | tr -d '\r' | awk 'tolower($1) == "content-length:" { n = $2 } END { print n }')
    if [ "$length" = "$(stat -c %s "$2" 2> /dev/null)" ]; then return; fi
  fi
  case $status-$code in
    *-416 | 33-*) # 33: the server does not continue files
      rm -f "$2"
      "${get[@]}" --output "$2" "$1" || die "$1: cannot be fetched; $again";;
    0-*) ;;
    22-404) die "$1: the server has no such file; give another source with SOURCE.${output##*/}=…";;
    *) die "$1: cannot be fetched (HTTP $code); $again";;
  esac
}

refuse() { # FILE MESSAGE: what was fetched is not kept, else the next run would continue it
  case $1 in "$parts"/*) rm -f "$1";; esac
  die "$2"
}

check_sum() { # FILE
  local sum name=${1##*/}
  sum=$(sha256sum "$1" | cut -d' ' -f1)
  if known=$(grep -s "  $name\$" "$sums"); then
    [ "${known%% *}" = "$sum" ] || refuse "$1" "$name: sha256 is $sum, but $sums says ${known%% *}; if the source was renewed on purpose, remove that line"
  else
    echo "$sum  $name" >> "$sums"
  fi
}

take() { # FILE: into the folder, unpacked if it is an archive
  case $1 in
    *.tar.gz)
      [ "$(head -c 2 "$1" | od -An -tx1 | tr -d ' \n')" = 1f8b ] || refuse "$1" "$source: not an archive but something else, an error page perhaps; check the address and the proxy"
      gzip -t "$1" 2> /dev/null || refuse "$1" "$source: the archive is cut short or damaged; fetch it again (for a URL: run make again)"
      check_sum "$1"
      "$python" "$py/unpack.py" --archive "$1" --output "$aside";;
    *) check_sum "$1"; cp -L "$1" "$aside/";;
  esac
}

for source in "$@"; do
  case $source in
    http://* | https://*)
      file=$parts/${source##*/}
      fetch "$source" "$file"
      take "$file";;
    *)
      if [ -d "$source" ]; then cp -rL "$source/." "$aside/"
      elif [ -f "$source" ]; then take "$source"
      elif [[ $source =~ ^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$ ]]; then
        echo "download.sh: $source from the hub"
        "$(dirname "$(command -v "$python")")/hf" download "$source" --local-dir "$parts/hub" --quiet > /dev/null || die "$source: the hub does not give it; give another source with SOURCE.${output##*/}=…"
        cp -rl "$parts/hub/." "$aside/" && rm -rf "$aside/.cache"
      else die "$source: neither a URL, nor a path that exists, nor a hub id"
      fi;;
  esac
done
rm -rf "$output"
mv "$aside" "$output"
rm -rf "$parts"
