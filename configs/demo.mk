# PROFILE=demo: a small rendered world and stand-in models, on two cores, without GPU or download.
# What a knob means and its official value stand in the Makefile.

SEED ?= $(DATA)/seed/mgm_pretrain_demo.jsonl
FINETUNE_DATA ?= $(DATA)/finetune/mgm_instruction_demo.json
SIMILARITY_MODEL ?= $(VISION_TOWER)
IMAGE_SIZE_AUX ?= 96

PRETRAIN_BUDGET ?= 3000
PRETRAIN_GLOBAL_BATCH_SIZE ?= 8
PRETRAIN_BATCH_SIZE_PER_GPU ?= 8
FINETUNE_GLOBAL_BATCH_SIZE ?= 8
FINETUNE_BATCH_SIZE_PER_GPU ?= 8
FINETUNE_LEARNING_RATE ?= 1e-3
EVAL_BATCH_SIZE ?= 50
MMBENCH_PARSE ?= inferred

DEEPSPEED_CONFIG ?= configs/zero2.json
GRADIENT_CHECKPOINTING ?= False
DATALOADER_NUM_WORKERS ?= 0
LAUNCHER ?= python

# Two experiments side by side, one thread each: the same result on any number of cores.
JOBS ?= 2
export OMP_NUM_THREADS := 1
# A GPU would change the scores (float16, other kernels), and tiny models gain nothing by it.
export CUDA_VISIBLE_DEVICES :=
export DS_ACCELERATOR := cpu
