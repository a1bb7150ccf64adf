# shellcheck shell=bash disable=SC2034,SC2154  # sourced: the sourcing script defines and uses these
# Sourced by pretrain.sh and finetune.sh: parse --option VALUE into variables that exist, and launch train.py.
#   parse_options "$@"   --x V sets x; -- ends the options, the rest goes to train.py as it is
#   plan_batch STAGE     settles num_gpus, per_device_train_batch_size, gradient_accumulation_steps and dataloader_num_workers
#   launch LOG FLAG...   runs train.py with FLAGs, prints the command, keeps its output in output_dir/LOG

me=${0##*/}
# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"
# shellcheck source=scripts/gpus.sh
source "$(dirname "$0")/gpus.sh"
# shellcheck source=scripts/ended.sh
source "$(dirname "$0")/ended.sh"
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
  [[ $global_batch_size =~ ^[1-9][0-9]*$ ]] || die "--global_batch_size must be a whole number above 0, not '$global_batch_size'"
  for option in per_device_train_batch_size num_gpus; do
    [[ ${!option} =~ ^([1-9][0-9]*|auto)$ ]] || die "--$option must be auto or a whole number above 0, not '${!option}'"
  done
}

# How many processes there will be, over all machines.
count_processes() {
  if [ "$launcher" = python ]; then echo 1
  elif [ -n "$hostfile" ]; then
    hostfile_slots "$hostfile" || die "$hostfile: each line must be 'HOST slots=GPUS'; correct it"
  else resolve_gpus "$num_gpus"
  fi
}

plan_batch() { # STAGE
  [ -z "$hostfile" ] || check_hosts
  num_gpus=$(count_processes)
  [ -n "$hostfile" ] || check_gpus
  if [ "$per_device_train_batch_size" = auto ]; then
    per_device_train_batch_size=$("$python" "$py/plan_batch.py" --stage "$1" --global_batch_size "$global_batch_size" \
      --gpus "$num_gpus" ${deepspeed:+--deepspeed "$deepspeed"} --gradient_checkpointing "$gradient_checkpointing" \
      --model_name_or_path "$model_name_or_path" --vision_tower "$vision_tower" --vision_tower_aux "$vision_tower_aux" \
      --image_size_aux "$image_size_aux")
  fi
  [ -n "$gradient_accumulation_steps" ] ||
    gradient_accumulation_steps=$((global_batch_size / (per_device_train_batch_size * num_gpus)))
  [ "$gradient_accumulation_steps" != 0 ] ||
    die "--global_batch_size $global_batch_size is less than per_device_train_batch_size $per_device_train_batch_size × num_gpus $num_gpus"
  dataloader_num_workers=$(resolve_workers)
}

# Processes that load images, each GPU. auto: the official 4, more than a GPU needs, or fewer where there are not the cores.
# nproc counts threads where OMP_NUM_THREADS is set; of other machines in a hostfile it knows nothing.
resolve_workers() {
  local spare=4
  [[ $dataloader_num_workers =~ ^([0-9]+|auto)$ ]] ||
    die "--dataloader_num_workers must be auto or a whole number, not '$dataloader_num_workers'"
  if [ "$dataloader_num_workers" != auto ]; then echo "$dataloader_num_workers"; return; fi
  [ -n "$hostfile" ] || spare=$(($(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) / num_gpus - 1))
  echo $((spare < 1 ? 1 : spare > 4 ? 4 : spare))
}

# Else -m and -c, and what the launchers start, would import modules of these names from the working folder first.
export PYTHONSAFEPATH=1 PYTHONPATH=$py${PYTHONPATH:+:$PYTHONPATH}
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

# The options with which DeepSpeed's launcher takes the machines or GPUs; CUDA_VISIBLE_DEVICES itself it overrides.
where_to_run() {
  if [ -n "$hostfile" ]; then echo "--hostfile $hostfile"
  elif [ "$(count_gpus)" = 0 ] || [ -z "${CUDA_VISIBLE_DEVICES-}" ]; then echo "--num_gpus $num_gpus"
  elif [[ $CUDA_VISIBLE_DEVICES =~ ^[0-9]+(,[0-9]+)*$ ]]; then
    echo "--include localhost:$(cut -d, -f "1-$num_gpus" <<< "$CUDA_VISIBLE_DEVICES")"
  else die "CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES: DeepSpeed's launcher knows GPUs by number alone; write 0,1,…, or use --launcher torchrun (LAUNCHER)"
  fi
}

launch() {
  local log=$output_dir/$1; shift
  local train=$py/train.py command where
  case $launcher in
    python) command=("$python" -u "$train");;
    torchrun) command=("$python" -m torch.distributed.run --nproc_per_node "$num_gpus" --master_port "$(free_port)" "$train");;
    deepspeed) where=$(where_to_run)
      command=("$python" -m deepspeed.launcher.runner --master_port "$(free_port)" "${where%% *}" "${where#* }" "$train");;
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
  local status=147 why
  while [[ $status =~ ^(14[7-9]|150)$ ]]; do  # as a job of its own, it ends this wait also when it is stopped (Ctrl-Z)
    sleep 0.1
    status=0; wait "$job" || status=$?
  done
  if [ "$status" != 0 ]; then
    why=$(ended_by "$status" "lower the batch size per GPU or DATALOADER_NUM_WORKERS, or set GRADIENT_CHECKPOINTING=True")
    ! trained "$log" || die "training failed$why; its log is $log"
    forget_untrained "$log"
    die "training failed before its first step was logged$why, see above"
  fi
  if resumed "$log"; then cat "$log" >> "$log.before"; mv "$log.before" "$log"; fi
  rm -f "$log.before"
}
