#!/usr/bin/env bash
# Finetune: teach the projectors and the language model, on instructions. Official values are the defaults.
# usage: finetune.sh --model_name_or_path DIR --vision_tower DIR --vision_tower_aux DIR --data_path J.json
#                    --image_folder DIR --output_dir DIR [--option VALUE …] [-- train.py's own flags]
#   --pretrain_mm_mlp_adapter mm_projector.bin (none: from untrained projectors)
#   --global_batch_size 128  --per_device_train_batch_size auto (what fits; official: 1)
#   --gradient_accumulation_steps (what makes the global batch)
#   --learning_rate 2e-5  --num_train_epochs 1  --image_size_aux 768  --model_max_length 2048  --seed 1024  --bf16 auto
#   --save_steps 100  --dataloader_num_workers 4  --gradient_checkpointing True
#   --feature_cache DIR (none: compute the frozen towers' outputs anew; on a GPU that is faster)  --feature_cache_gb 2
#   --deepspeed configs/zero2_offload.json (none: without DeepSpeed)
#   --launcher deepspeed | torchrun | python (one process)  --num_gpus auto (all; on CPU: 1)  --hostfile FILE (deepspeed)
# --bf16 auto is True where there is a GPU. Writes DIR/model*.safetensors and what loads with them, DIR/finetuning.log and,
# last, DIR/train_summary.json.
# example: scripts/finetune.sh --model_name_or_path models/demo/gemma-2b-it --vision_tower models/demo/clip-vit-large-patch14-336 \
#            --vision_tower_aux models/demo/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup --image_size_aux 96 \
#            --pretrain_mm_mlp_adapter runs/demo/default/pretrain/mm_projector.bin --output_dir runs/demo/mine/finetune \
#            --data_path data/demo/finetune/mgm_instruction_demo.json --image_folder data/demo/finetune --launcher python --deepspeed none
set -euo pipefail
# shellcheck source=scripts/train_options.sh
source "$(dirname "$0")/train_options.sh"

model_name_or_path='' vision_tower='' vision_tower_aux='' data_path='' image_folder='' output_dir='' pretrain_mm_mlp_adapter=''
global_batch_size=128 per_device_train_batch_size=auto gradient_accumulation_steps='' learning_rate=2e-5 num_train_epochs=1
image_size_aux=768 model_max_length=2048 seed=1024 bf16=auto save_steps=100 dataloader_num_workers=4
gradient_checkpointing=True deepspeed=$(dirname "$0")/../configs/zero2_offload.json launcher=deepspeed num_gpus=auto hostfile=''
feature_cache='' feature_cache_gb=2
options="model_name_or_path vision_tower vision_tower_aux data_path image_folder output_dir pretrain_mm_mlp_adapter
global_batch_size per_device_train_batch_size gradient_accumulation_steps learning_rate num_train_epochs image_size_aux
model_max_length seed bf16 save_steps dataloader_num_workers gradient_checkpointing deepspeed launcher num_gpus hostfile
feature_cache feature_cache_gb"
options=${options//$'\n'/ }
parse_options "$@"
[ "$deepspeed" = none ] && deepspeed=''
[ "$feature_cache" = none ] && feature_cache=''
[ "$bf16" != auto ] || bf16=$(gpu_there)
plan_batch finetune

launch finetuning.log ${deepspeed:+--deepspeed "$deepspeed"} \
  --model_name_or_path "$model_name_or_path" --version gemma --data_path "$data_path" --image_folder "$image_folder" \
  --vision_tower "$vision_tower" --vision_tower_aux "$vision_tower_aux" --mm_projector_type mlp2x_gelu \
  ${pretrain_mm_mlp_adapter:+--pretrain_mm_mlp_adapter "$pretrain_mm_mlp_adapter"} \
  --mm_vision_select_layer -2 --mm_use_im_start_end False --mm_use_im_patch_token False --image_aspect_ratio pad \
  --group_by_modality_length True --image_size_aux "$image_size_aux" --bf16 "$bf16" --output_dir "$output_dir" \
  --num_train_epochs "$num_train_epochs" --per_device_train_batch_size "$per_device_train_batch_size" \
  --per_device_eval_batch_size 4 --gradient_accumulation_steps "$gradient_accumulation_steps" \
  --global_batch_size "$global_batch_size" --eval_strategy no --save_strategy steps --save_steps "$save_steps" \
  --save_total_limit 1 --learning_rate "$learning_rate" --weight_decay 0. --warmup_steps 0.03 --lr_scheduler_type cosine \
  --logging_steps 1 --tf32 True --model_max_length "$model_max_length" \
  --activation_checkpointing "$gradient_checkpointing" --dataloader_num_workers "$dataloader_num_workers" \
  --lazy_preprocess True --report_to none --seed "$seed" \
  ${feature_cache:+--feature_cache "$feature_cache" --feature_cache_gb "$feature_cache_gb"}
