# shellcheck shell=bash disable=SC2034,SC2154  # sourced: the sourcing script defines and uses these
# Sourced by pretrain.sh and finetune.sh: parse --option VALUE into variables that exist, and launch train.py.
#   parse_options "$@"   --x V sets x; -- ends the options, the rest goes to train.py as it is
#   launch LOG FLAG...   runs train.py with FLAGs, prints the command, keeps its output in output_dir/LOG

me=${0##*/}
die() { echo "$me: $*" >&2; exit 1; }

parse_options() {
  extra=()
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; exit 0;;
      --) shift; extra=("$@"); break;;
      --[a-z]*)
        [[ $1 =~ ^--[a-z0-9_]+$ ]] && [[ -v ${1#--} ]] && [[ " $options " == *" ${1#--} "* ]] || die "unknown option $1 (see --help)"
        [ $# -ge 2 ] || die "$1 needs a value (see --help)"
        printf -v "${1#--}" %s "$2"; shift 2;;
      *) die "unknown argument $1 (see --help)";;
    esac
  done
  for option in model_name_or_path vision_tower vision_tower_aux data_path image_folder output_dir; do
    [ -n "${!option}" ] || die "--$option is missing (see --help)"
  done
  for option in global_batch_size per_device_train_batch_size num_gpus; do
    [[ ${!option} =~ ^[1-9][0-9]*$ ]] || die "--$option must be a whole number above 0, not '${!option}'"
  done
  [ "$launcher" != python ] || num_gpus=1
  [ -n "$gradient_accumulation_steps" ] ||
    gradient_accumulation_steps=$((global_batch_size / (per_device_train_batch_size * num_gpus)))
  [ "$gradient_accumulation_steps" != 0 ] ||
    die "--global_batch_size $global_batch_size is less than per_device_train_batch_size $per_device_train_batch_size × num_gpus $num_gpus"
}

# True where there is a GPU that this process may use, else False.
gpu_there() {
  if [ "${DS_ACCELERATOR-}" != cpu ] && [[ ${CUDA_VISIBLE_DEVICES-0} =~ ^[^-] ]] && nvidia-smi -L > /dev/null 2>&1
  then echo True; else echo False; fi
}

free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A log holds its run from the first step on, a resumed run's earlier parts (LOG.before meanwhile) included; a start
# in which nothing was trained leaves the log of the last one.
# pdsh puts "HOST: " before each line.
resumed() { grep -qE '^([^ ]+: )?train\.py: resuming from ' "$1"; } # LOG
trained() { grep -qE "^([^ ]+: )?\{'loss'" "$1"; } # LOG
forget_untrained() { # LOG
  if [ -f "$1" ] && ! trained "$1"; then
    rm "$1"
    [ ! -f "$1.before" ] || mv "$1.before" "$1"
  fi
}

# End all that the job started: ask, and after 10 s insist; return when nothing is left.
stop() {
  local signal=-TERM tenths=0
  while kill "$signal" -- "-$job" 2> /dev/null; do
    signal=-0; tenths=$((tenths + 1))
    [ "$tenths" -lt 100 ] || signal=-KILL
    sleep 0.1
  done
  exit 130
}

launch() {
  local log=$output_dir/$1; shift
  local train; train=$(cd "$(dirname "$0")/../py" && pwd)/train.py
  local python=${PYTHON:-python3} command
  case $launcher in
    python) command=("$python" -u "$train");;
    torchrun) command=("$python" -m torch.distributed.run --nproc_per_node "$num_gpus" --master_port "$(free_port)" "$train");;
    deepspeed) command=("$python" -m deepspeed.launcher.runner --master_port "$(free_port)")
      if [ -n "$hostfile" ]; then command+=(--hostfile "$hostfile"); else command+=(--num_gpus "$num_gpus"); fi
      command+=("$train");;
    *) die "--launcher $launcher: choose deepspeed, torchrun or python";;
  esac
  command+=("$@" "${extra[@]}")
  mkdir -p "$output_dir"
  exec 8> "$output_dir/.launch.lock"
  flock -n 8 || die "another training is writing to $output_dir; wait for it, stop it, or choose another folder"
  forget_untrained "$log"
  if [ -f "$log" ]; then
    if resumed "$log"; then cat "$log" >> "$log.before"; else mv "$log" "$log.before"; fi
  fi
  echo "+ ${command[*]}"
  set -m  # the job is one process group, so that whatever the launcher started ends with this script
  ( "${command[@]}" 2>&1 | tee "$log" ) 8>&- &
  job=$!
  trap stop INT TERM
  if ! wait "$job"; then
    ! trained "$log" || die "training failed; its log is $log"
    forget_untrained "$log"
    die "training failed before its first step was logged, see above"
  fi
  if resumed "$log"; then cat "$log" >> "$log.before"; mv "$log.before" "$log"; fi
  rm -f "$log.before"
}
