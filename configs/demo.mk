# PROFILE=demo: a small rendered world and stand-in models, on two cores, without GPU or download.
# What a knob is at the official scales stands beside it in configs/10k.mk.

##@ Knobs of the scale (PROFILE=demo)

# Seed set, in Data-Juicer format: 3,000 samples of the small world
SEED ?= $(DATA)/seed/mgm_pretrain_demo.jsonl
# Finetuning set, 900 samples
FINETUNE_DATA ?= $(DATA)/finetune/mgm_instruction_demo.json
## most samples to pretrain on
PRETRAIN_BUDGET ?= 3000
## samples a step
PRETRAIN_GLOBAL_BATCH_SIZE ?= 8
## the same for finetuning
FINETUNE_GLOBAL_BATCH_SIZE ?= 8
## samples at once, the rest is accumulation
PRETRAIN_BATCH_SIZE_PER_GPU ?= 8
## the same for finetuning
FINETUNE_BATCH_SIZE_PER_GPU ?= 8
## of the pretraining
PRETRAIN_LEARNING_RATE ?= 1e-3
## of the finetuning
FINETUNE_LEARNING_RATE ?= 1e-3
## pixels a side for the high-resolution tower
IMAGE_SIZE_AUX ?= 96
## DeepSpeed's settings, or none
DEEPSPEED_CONFIG ?= configs/zero2.json
## True: where memory asks for it
GRADIENT_CHECKPOINTING ?= False
## processes that load images
DATALOADER_NUM_WORKERS ?= 0
## where the frozen towers' outputs are kept for all experiments, so that no image is encoded twice; or none
FEATURE_CACHE ?= data/features
## steps between two checkpoints
SAVE_STEPS ?= 100
## what starts the training: deepspeed, torchrun or python (one process)
LAUNCHER ?= python
## questions at once in evaluation
EVAL_BATCH_SIZE ?= 50
## how MMBench reads a letter from an answer: exact, or inferred ("diamond D")
MMBENCH_PARSE ?= inferred
## CLIP for image-text similarity: the vision tower's own
SIMILARITY_MODEL ?= $(VISION_TOWER)
## experiments side by side, one thread each: the same result on any number of cores
JOBS ?= 2

export OMP_NUM_THREADS := 1
# A GPU would change the scores (float16, other kernels), and tiny models gain nothing by it.
export CUDA_VISIBLE_DEVICES :=
export DS_ACCELERATOR := cpu
