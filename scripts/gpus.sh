# shellcheck shell=bash
# Sourced: how many GPUs a step may use.

# GPUs that this process may use: those of CUDA_VISIBLE_DEVICES where it is set, else all that nvidia-smi lists.
count_gpus() {
  if [ "${DS_ACCELERATOR-}" = cpu ]; then echo 0
  elif [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
    case $CUDA_VISIBLE_DEVICES in '' | -*) echo 0;; *) echo "$CUDA_VISIBLE_DEVICES" | tr ',' '\n' | grep -c .;; esac
  else { nvidia-smi -L 2> /dev/null || true; } | grep -c '^GPU ' || true
  fi
}

# A number of GPUs as it was given; of auto, all there are, and 1 process where there is none.
resolve_gpus() { # NUM_GPUS
  local count
  if [ "$1" != auto ]; then echo "$1"; return; fi
  count=$(count_gpus)
  echo $((count > 0 ? count : 1))
}

# GPUs of a DeepSpeed hostfile, over all its machines.
hostfile_slots() { # FILE
  sed 's/#.*//' "$1" | awk 'NF { if (!match($0, /slots=[0-9]+/)) exit 1; sum += substr($0, RSTART + 6, RLENGTH - 6) } END { if (!sum) exit 1; print sum }'
}
hostfile_hosts() { # FILE
  sed 's/#.*//' "$1" | awk 'NF { print $1 }'
}
