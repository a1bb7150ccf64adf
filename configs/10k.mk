# PROFILE=10k: the official round of 10,000 seed samples; one GPU of 24 GB with 188 GB of host memory will do.

SEED ?= $(DATA)/seed/mgm_pretrain_stage_1_10k.jsonl
FINETUNE_DATA ?= $(DATA)/finetune/mgm_instruction_stage_1_12k.json
PRETRAIN_BUDGET ?= 10000

SOURCES.seed := $(addprefix $(SOURCE_BASE)/data/stage_1/,pretrain_stage_1_10k.tar.gz mgm_pretrain_stage_1_10k.jsonl stage_1.json)
SOURCES.finetune := $(addprefix $(SOURCE_BASE)/data/stage_1/,finetuning_stage_1_12k.tar.gz mgm_instruction_stage_1_12k.json)
