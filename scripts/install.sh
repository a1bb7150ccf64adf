#!/usr/bin/env bash
# Make .venv from env/requirements.lock: every package at its locked version, checked by hash.
# usage: install.sh [--torch_index URL]
#   --torch_index URL  take torch and torchvision from this index (a CPU-only build, say) instead of the lock's
# example: scripts/install.sh
set -euo pipefail
say() { echo "install.sh: $*" >&2; }
die() { say "$*"; exit 1; }

torch_index=
while [ $# -gt 0 ]; do
  case $1 in
    --torch_index) torch_index=${2:?a URL is needed}; shift 2;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0;;
    *) die "unknown option $1 (see --help)";;
  esac
done
cd "$(dirname "$0")/.."
lock=env/requirements.lock venv=.venv
wanted=$(cat "$lock" env/bootstrap.lock - <<< "torch_index=$torch_index" | sha256sum)

if [ "$(cat $venv/.installed 2> /dev/null)" = "$wanted" ] && [ -f $venv/.requires.json ]; then exit 0; fi
[ "$(uname -sm)" = "Linux x86_64" ] || die "the lock file is for Linux on x86-64, this is $(uname -sm)"
python=$(command -v python3.11 || command -v python3) || die "python3 is missing; install Python 3.11 with its venv module"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
  || die "Python 3.11 is needed, $python is $("$python" -V); install python3.11 and python3.11-venv"
"$python" -c 'import ensurepip, venv' 2> /dev/null || die "$python has no venv module; install python3.11-venv"

rm -f $venv/.installed
[ -x $venv/bin/python ] || "$python" -m venv --clear $venv
say "installing $(grep -c '^[a-z0-9].*==' "$lock") packages into $venv (about 7 GB with CUDA, a minute or more)"
$venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r env/bootstrap.lock
export VIRTUAL_ENV=$PWD/$venv
uv=("$venv/bin/uv" pip)
if [ -z "$torch_index" ]; then
  "${uv[@]}" sync --quiet --require-hashes "$lock"
else
  # The index's builds carry other hashes and bring no CUDA packages: everything else stays locked.
  cuda='torch|torchvision|triton|nvidia-.*|cuda-.*'
  awk -v skip="^($cuda)==" '/^[a-z0-9]/ { keep = $1 !~ skip } keep' "$lock" > $venv/locked.txt
  "${uv[@]}" sync --quiet --require-hashes $venv/locked.txt
  grep -oE '^(torch|torchvision)==[^ ]+' "$lock" > $venv/torch.txt
  "${uv[@]}" install --quiet --no-deps --default-index "$torch_index" -r $venv/torch.txt
fi
# Importing torch and its like takes twice as long uncompiled, in every stage.
$venv/bin/python -m compileall -q -j 0 $venv/lib/python3.11/site-packages > /dev/null 2>&1 || :
torch=$($venv/bin/python -c 'import torch, torchvision; print(torch.__version__, "cuda" if torch.cuda.is_available() else "cpu")') ||
  die "torch cannot be imported${torch_index:+: is $torch_index an index of CPU builds?}"
$venv/bin/python py/graph/requires.py > $venv/.requires.json+
mv $venv/.requires.json+ $venv/.requires.json
echo "$wanted" > $venv/.installed
say "done: torch $torch"
