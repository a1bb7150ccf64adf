# shellcheck shell=bash disable=SC2154  # sourced: the checks read the sourcing script's options, and call its die()
# Sourced: how many GPUs a step may use, and on which machines.

# GPUs that this process may use: those of CUDA_VISIBLE_DEVICES where it is set, else all that nvidia-smi lists.
count_gpus() {
  if [ "${DS_ACCELERATOR-}" = cpu ]; then echo 0
  elif [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
    case $CUDA_VISIBLE_DEVICES in '' | -*) echo 0;; *) echo "$CUDA_VISIBLE_DEVICES" | tr ',' '\n' | grep -c .;; esac
  else { nvidia-smi -L 2> /dev/null || true; } | grep -c '^GPU ' || true
  fi
}

# True where there is a GPU that this process may use, else False.
gpu_there() { if [ "$(count_gpus)" != 0 ]; then echo True; else echo False; fi; }

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

# There are as many GPUs as were asked for; without any, processes share the CPU.
check_gpus() {
  local there
  there=$(count_gpus)
  [ "$there" = 0 ] || [ "$num_gpus" -le "$there" ] ||
    die "--num_gpus $num_gpus: there are $there GPUs${CUDA_VISIBLE_DEVICES:+ in CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES}; lower NUM_GPUS, or leave it at auto"
}

# Every machine of the hostfile answers, before the model is loaded on the others. DeepSpeed asks even a single one by ssh.
check_hosts() {
  [ -f "$hostfile" ] || die "--hostfile $hostfile: no such file"
  [ "$launcher" = deepspeed ] || die "--hostfile is for --launcher deepspeed, not $launcher; torchrun is started on each machine by hand"
  local host hosts
  hosts=$(hostfile_hosts "$hostfile")
  for host in $hosts; do
    [[ $host =~ ^[[:alnum:]_][[:alnum:]_.:@-]*$ ]] || die "$hostfile: '$host' is no host's name; correct its line"  # ssh would take -o…
    ssh -n -o BatchMode=yes -o ConnectTimeout=10 "$host" test -d "$PWD" ||
      die "$hostfile: $host does not answer, or has no $PWD; start it, let ssh in without a password, share this folder, or remove its line"
  done
  [ "$(wc -w <<< "$hosts")" = 1 ] || command -v pdsh > /dev/null || die "pdsh, with which DeepSpeed starts the machines, is missing; install it"
}
