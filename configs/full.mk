# PROFILE=full: the official round of 400,000 seed samples, of which at most 200,000 are trained on; four GPUs or more.
# Beside each knob its meaning and the official value; what is set here is official unless it says otherwise.

##@ Knobs of the scale (PROFILE=full)

# Seed set, in Data-Juicer format
SEED ?= $(DATA)/seed/mgm_pretrain_stage_1.jsonl
# Finetuning set, 240,000 samples, fixed by the challenge
FINETUNE_DATA ?= $(DATA)/finetune/mgm_instruction_stage_1.json
## most samples to pretrain on; official: 200000
PRETRAIN_BUDGET ?= 200000
## samples a step, over all GPUs and accumulation; official: 256
PRETRAIN_GLOBAL_BATCH_SIZE ?= 256
## the same for finetuning; official: 128
FINETUNE_GLOBAL_BATCH_SIZE ?= 128
## samples on one GPU at once, the rest is accumulation; official: 4; auto: what fits and multiplies out
PRETRAIN_BATCH_SIZE_PER_GPU ?= auto
## the same for finetuning; official: 1
FINETUNE_BATCH_SIZE_PER_GPU ?= auto
## official: 1e-3
PRETRAIN_LEARNING_RATE ?= 1e-3
## official: 2e-5
FINETUNE_LEARNING_RATE ?= 2e-5
## pixels a side for the high-resolution tower; official: 768
IMAGE_SIZE_AUX ?= 768
## optimizer in the host's memory, or configs/zero2.json: on the GPUs; official: zero2_offload.json
DEEPSPEED_CONFIG ?= configs/zero2_offload.json
## True: compute layers twice where memory asks for it, a fifth slower; False: never; official: True
GRADIENT_CHECKPOINTING ?= True
## processes that load images, each GPU; official: 4; auto: 4, or fewer where there are not the cores
DATALOADER_NUM_WORKERS ?= auto
## where the frozen towers' outputs are kept, on the CPU alone; none: 55 MB an image are not worth it here
FEATURE_CACHE ?= none
## steps between two checkpoints; official: 100
SAVE_STEPS ?= 100
## what starts the training: deepspeed (official), torchrun or python (one process)
LAUNCHER ?= deepspeed
## questions at once in evaluation, each GPU; official: 1
EVAL_BATCH_SIZE ?= 16
## how MMBench reads a letter from an answer: exact (official) or inferred
MMBENCH_PARSE ?= exact
## CLIP for image-text similarity
SIMILARITY_MODEL ?= $(MODELS)/clip-vit-base-patch32
## experiments side by side; GPUs are not dealt out among them
JOBS ?= 1

SOURCES.seed = $(addprefix $(SOURCE_BASE)/data/stage_1/,pretrain_stage_1.tar.gz mgm_pretrain_stage_1.jsonl stage_1.json)
SOURCES.finetune = $(addprefix $(SOURCE_BASE)/data/stage_1/,finetuning_stage_1.tar.gz mgm_instruction_stage_1.json)
