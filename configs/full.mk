# PROFILE=full: the official round of 400,000 seed samples, of which at most 200,000 are trained on.

SEED ?= $(DATA)/seed/mgm_pretrain_stage_1.jsonl
FINETUNE_DATA ?= $(DATA)/finetune/mgm_instruction_stage_1.json
PRETRAIN_BUDGET ?= 200000

SOURCES.seed := $(addprefix $(SOURCE_BASE)/data/stage_1/,pretrain_stage_1.tar.gz mgm_pretrain_stage_1.jsonl stage_1.json)
SOURCES.finetune := $(addprefix $(SOURCE_BASE)/data/stage_1/,finetuning_stage_1.tar.gz mgm_instruction_stage_1.json)
