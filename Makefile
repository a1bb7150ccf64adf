# Better Synth: from seed data to a scored model, as one graph of files.
#
#   seed ──synth──▶ synth.jsonl ──convert──▶ synth.llava.json ──pretrain──▶ mm_projector.bin
#        ──finetune──▶ checkpoint ──textvqa, mmbench──▶ scores ──results──▶ results.json
#
# Each stage works in a folder F and keeps its marks in F/.make (scripts/stamp.sh, scripts/stage.sh):
#   STAGE.knobs  the knobs and the code that it reads; renewed only when these change
#   STAGE.made   that it was made; if older than its .knobs or than the .out of an input, it is made again
#   STAGE.out    the hashes of what it made; renewed only when these change, so that what follows may stay
#   STAGE.log    what it printed, and STAGE.seconds how long it took

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

ifneq ($(filter 3.% 4.0 4.0.% 4.1 4.1.%,$(MAKE_VERSION)),)
$(error GNU Make 4.2 or newer is needed, this is $(MAKE_VERSION))
endif
ifneq ($(shell echo $$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404))),1)
$(error bash 4.4 or newer is needed as $(SHELL))
endif
ifneq ($(words $(CURDIR)),1)
$(error a path with a space is more than make can handle: move the project from '$(CURDIR)')
endif

##@ Knobs of an experiment (make results EXP=mine RECIPE=recaption)

## scale: demo (no GPU, no download), 10k or full (the official ones)
PROFILE ?= demo
## name of the experiment, its folder under runs/PROFILE
EXP ?= default
## data recipe: a name in configs/recipes, or the path of your own .yaml
RECIPE ?= filter_recaption
## sets initialisation, order and sampling; official: 1024
RANDOM_SEED ?= 1024

DATA := data/$(PROFILE)
MODELS := models/$(PROFILE)
RUNS := runs/$(PROFILE)
RUN := $(RUNS)/$(EXP)
ifeq ($(wildcard configs/$(PROFILE).mk),)
$(error PROFILE=$(PROFILE) is unknown; there are: $(patsubst configs/%.mk,%,$(wildcard configs/*.mk)))
endif
ifneq ($(words $(EXP))-$(words $(subst /, ,$(EXP))),1-1)
$(error EXP='$(EXP)' must be one plain name, without space or slash)
endif
include configs/$(PROFILE).mk

## your own seed set, in Data-Juicer format, image paths relative to the file
SEED ?=
## the same samples in LLaVA format: the conversion restores their questions
STAGE1 ?= $(DATA)/seed/stage_1.json
## finetuning set in LLaVA format (the official one is fixed)
FINETUNE_DATA ?=
## folder with textvqa/ and mmbench/ in the official layout
EVAL_DATA ?= $(DATA)/eval
## experiment whose scores are the divisor: recipe 'seed', all other knobs equal
BASELINE_EXP ?= $(if $(filter file,$(origin SEED)),baseline,$(EXP)-baseline)$(if $(filter-out 1024,$(RANDOM_SEED)),-s$(RANDOM_SEED))
## random seeds of `make table`
RANDOM_SEEDS ?= 1 2 3


##@ Knobs of the training

## most samples to pretrain on; official: 200000 (10k: 10000)
PRETRAIN_BUDGET ?= 200000
## yes, or no: finetune from untrained projectors, a control
PRETRAIN ?= yes
## samples a step, over all GPUs and accumulation; official: 256
PRETRAIN_GLOBAL_BATCH_SIZE ?= 256
## samples a step on one GPU without accumulation; official: 4
PRETRAIN_BATCH_SIZE_PER_GPU ?= 4
## pixels a side for the high-resolution tower; official: 768
IMAGE_SIZE_AUX ?= 768
## official: 1e-3
PRETRAIN_LEARNING_RATE ?= 1e-3
## official: 128
FINETUNE_GLOBAL_BATCH_SIZE ?= 128
## official: 1
FINETUNE_BATCH_SIZE_PER_GPU ?= 1
## official: 2e-5
FINETUNE_LEARNING_RATE ?= 2e-5
## True: cut a finetuning sample over 2048 tokens, as the official code does; False: stop and name it
CUT_LONG_SAMPLES ?= False
## official: zero2_offload.json
DEEPSPEED_CONFIG ?= configs/zero2_offload.json
## official: True
GRADIENT_CHECKPOINTING ?= True
## processes that load images, each GPU; official: 4
DATALOADER_NUM_WORKERS ?= 4
## steps between two checkpoints; official: 100
SAVE_STEPS ?= 100

## how MMBench reads a letter from an answer: exact (official) or inferred
MMBENCH_PARSE ?= exact

##@ Knobs of the machine

## GPUs to train and evaluate on
NUM_GPUS ?= 1
## what starts the training: deepspeed, torchrun or python (one process)
LAUNCHER ?= deepspeed
## records that a Data-Juicer operator gets at once; changes speed, not results
SYNTH_BATCH_SIZE ?= 1000
## questions at once in evaluation
EVAL_BATCH_SIZE ?= 16
## experiments side by side
JOBS ?= 1
## index of a CPU-only torch, instead of the locked CUDA build
TORCH_INDEX ?=
## 1: show all that the stages print
V ?=

##@ Where 10k and full take their inputs from: each a URL, a hub id or a local path

## the official server, for the URLs below
SOURCE_BASE ?= http://dail-wlcb.oss-cn-wulanchabu.aliyuncs.com/dj-competition/better_synth
## seed images, records and stage_1.json
SOURCE.seed_set ?= $(SOURCES.seed)
## finetuning images and instructions
SOURCE.finetune_set ?= $(SOURCES.finetune)
## TextVQA and MMBench
SOURCE.eval_set ?= $(SOURCE_BASE)/data/stage_1/eval_stage_1.tar.gz
## language model
SOURCE.gemma-2b-it ?= $(SOURCE_BASE)/models/gemma-2b-it.tar.gz
## vision tower
SOURCE.clip-vit-large-patch14-336 ?= $(SOURCE_BASE)/models/clip-vit-large-patch14-336.tar.gz
## high-resolution vision tower
SOURCE.openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup ?= $(SOURCE_BASE)/models/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup.tar.gz
## captioner
SOURCE.blip2-opt-2.7b ?= Salesforce/blip2-opt-2.7b
## CLIP for image-text similarity
SOURCE.clip-vit-base-patch32 ?= openai/clip-vit-base-patch32

ifneq ($(words $(filter yes no,$(PRETRAIN)))-$(words $(PRETRAIN)),1-1)
$(error PRETRAIN='$(PRETRAIN)' must be yes or no)
endif
$(foreach k,SEED STAGE1 FINETUNE_DATA EVAL_DATA RECIPE DEEPSPEED_CONFIG,$(if $(word 2,$($k)),\
	$(error $k='$($k)': a path with a space is more than make can handle)))

export PYTHON := $(CURDIR)/.venv/bin/python
export V
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

# Every mark is named in an explicit or static rule, so that make takes none for intermediate: it looks through
# intermediate files to what they are made from, and .SECONDARY would make all of them so.
# The stages' common shape: $(call stage,COMMAND) makes OUTPUTS.<stage> from KNOBS.<stage> and CODE.<stage>.
stage = @scripts/stage.sh $(patsubst %/.make/,%,$(dir $@)) $(basename $(notdir $@)) $(OUTPUTS.$(basename $(notdir $@))) -- $1
%.knobs: FORCE
	+@scripts/stamp.sh $@ $(foreach k,$(KNOBS.$(notdir $*)),'$k=$($k)') -- $(CODE.$(notdir $*)) \
		-- $(addprefix $(patsubst %.make/,%,$(dir $@)),$(OUTPUTS.$(notdir $*)))
%.out: %.made
	+@:
FORCE:
COMMON_CODE := py/records.py py/cli.py py/pictures.py
MODEL_CODE := $(sort $(wildcard py/mgm/*.py)) $(COMMON_CODE)

##@ What goes in

## install the locked packages into .venv (every target does so by itself)
env: .venv/.installed
.venv/.installed: env/requirements.lock env/bootstrap.lock scripts/install.sh
	@scripts/install.sh $(if $(TORCH_INDEX),--torch_index $(TORCH_INDEX))

LLM := $(MODELS)/gemma-2b-it
VISION_TOWER := $(MODELS)/clip-vit-large-patch14-336
VISION_TOWER_AUX := $(MODELS)/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup
CAPTIONER := $(MODELS)/blip2-opt-2.7b
SIMILARITY_MODEL ?= $(MODELS)/clip-vit-base-patch32
ALL_MODELS := $(LLM) $(VISION_TOWER) $(VISION_TOWER_AUX) $(CAPTIONER) $(SIMILARITY_MODEL)

ifeq ($(PROFILE),demo)
# One stage makes all stand-ins, one the whole world.
models_of = $(MODELS)/.make/standins.out
sets_of = $(DATA)/.make/world.out
OUTPUTS.standins := $(sort $(notdir $(ALL_MODELS)))
CODE.standins := $(addprefix py/world/,$(addsuffix .py,make_models folders manifest standins bpe captions questions scene render) \
	weights/manifest.json) $(COMMON_CODE)
$(MODELS)/.make/standins.made: $(MODELS)/.make/standins.knobs | .venv/.installed
	$(call stage,$(PYTHON) py/world/make_models.py --output $(MODELS))
OUTPUTS.world := seed finetune eval controls
CODE.world := $(addprefix py/world/,make_data.py scene.py render.py captions.py questions.py folders.py) $(COMMON_CODE)
$(DATA)/.make/world.made: $(DATA)/.make/world.knobs | .venv/.installed
	$(call stage,$(PYTHON) py/world/make_data.py --output $(DATA))
else
models_of = $(foreach m,$1,$(dir $m).make/$(notdir $m).out)
sets_of = $(foreach s,$1,$(DATA)/.make/$s_set.out)
$(foreach x,$(notdir $(ALL_MODELS)) seed_set finetune_set eval_set,$(eval OUTPUTS.$x := $(x:_set=))$(eval KNOBS.$x := SOURCE.$x))
$(patsubst $(MODELS)/%,$(MODELS)/.make/%.made,$(ALL_MODELS)): $(MODELS)/.make/%.made: $(MODELS)/.make/%.knobs | .venv/.installed
	$(call stage,scripts/download.sh --output $(MODELS)/$* $(SOURCE.$*))
$(patsubst %,$(DATA)/.make/%_set.made,seed finetune eval): $(DATA)/.make/%_set.made: $(DATA)/.make/%_set.knobs | .venv/.installed
	$(call stage,scripts/download.sh --output $(DATA)/$* $(SOURCE.$*_set))
endif
## the models: the demo's stand-ins, or the official downloads
models: $(call models_of,$(ALL_MODELS))
## the seed, finetuning and evaluation sets
data: $(call sets_of,seed finetune eval)

##@ The stages

# A user's own file counts by its content; the profile's by the stage that makes it.
own = $(if $(filter file,$(origin $1)),,$($1))
RECIPE_FILE := $(if $(filter %.yaml,$(RECIPE)),$(RECIPE),configs/recipes/$(RECIPE).yaml)
ifeq ($(wildcard $(RECIPE_FILE)),)
$(error RECIPE=$(RECIPE) is unknown; there are: $(patsubst configs/recipes/%.yaml,%,$(wildcard configs/recipes/*.yaml)), or give the path of a .yaml)
endif
SEED_INPUT := $(if $(call own,SEED),,$(call sets_of,seed))
RECIPE_READS = $(findstring {$1},$(file <$(RECIPE_FILE)))
RECIPE_MODELS := $(foreach m,CAPTIONER SIMILARITY_MODEL,$(if $(call RECIPE_READS,$m),$m))
# Your own operators: each Python file, or folder of such, that your recipe names from where it lies.
comma := ,
RECIPE_WORDS := $(if $(filter %.yaml,$(RECIPE)),$(subst $(comma), ,$(subst [, ,$(subst ], ,$(subst ",,$(subst ',,$(file <$(RECIPE))))))))
RECIPE_CODE := $(sort $(filter %.py,$(wildcard $(foreach w,$(RECIPE_WORDS),$(dir $(RECIPE))$w $(dir $(RECIPE))$w/*.py))))

## clean and re-synthesise the seed by RECIPE
synth: $(RUN)/.make/synth.out
OUTPUTS.synth := synth.jsonl ledger.jsonl synth.summary.json
KNOBS.synth := SEED $(RECIPE_MODELS) $(if $(call RECIPE_READS,BUDGET),PRETRAIN_BUDGET) $(if $(call RECIPE_READS,RANDOM_SEED),RANDOM_SEED)
CODE.synth := scripts/synth.sh py/check_seed.py py/fill_recipe.py py/run_data_juicer.py py/make_ledger.py $(sort $(wildcard py/ops/*.py)) $(COMMON_CODE) \
	$(RECIPE_FILE) $(RECIPE_CODE) $(call own,SEED)
$(RUN)/.make/synth.made: $(RUN)/.make/synth.knobs $(SEED_INPUT) $(if $(RECIPE_MODELS),$(call models_of,$(foreach m,$(RECIPE_MODELS),$($m)))) | .venv/.installed
	$(call stage,scripts/synth.sh --recipe $(RECIPE_FILE) --seed $(SEED) --output $(RUN)/synth.jsonl \
		--ledger $(RUN)/ledger.jsonl --captioner $(CAPTIONER) --similarity_model $(SIMILARITY_MODEL) \
		--budget $(PRETRAIN_BUDGET) --random_seed $(RANDOM_SEED) --batch_size $(SYNTH_BATCH_SIZE))

OUTPUTS.convert := synth.llava.json
KNOBS.convert := SEED STAGE1 PRETRAIN_BUDGET RANDOM_SEED
CODE.convert := py/dj_to_llava.py $(COMMON_CODE) $(call own,STAGE1)
$(RUN)/.make/convert.made: $(RUN)/.make/convert.knobs $(RUN)/.make/synth.out \
		$(if $(and $(call own,SEED),$(call own,STAGE1)),,$(call sets_of,seed)) | .venv/.installed
	$(call stage,$(PYTHON) py/dj_to_llava.py --synth $(RUN)/synth.jsonl --stage1 $(STAGE1) --image_folder $(dir $(SEED)) \
		--budget $(PRETRAIN_BUDGET) --random_seed $(RANDOM_SEED) --output $(RUN)/synth.llava.json)

TRAIN_KNOBS := RANDOM_SEED IMAGE_SIZE_AUX NUM_GPUS DEEPSPEED_CONFIG GRADIENT_CHECKPOINTING
TRAIN_CODE := py/train.py scripts/train_options.sh $(sort $(wildcard py/mgm/training/*.py)) $(MODEL_CODE) $(filter-out none,$(DEEPSPEED_CONFIG))
TRAIN_MODELS := $(call models_of,$(LLM) $(VISION_TOWER) $(VISION_TOWER_AUX))
TRAIN_FLAGS = --model_name_or_path $(LLM) --vision_tower $(VISION_TOWER) --vision_tower_aux $(VISION_TOWER_AUX) \
	--image_size_aux $(IMAGE_SIZE_AUX) --seed $(RANDOM_SEED) --save_steps $(SAVE_STEPS) --deepspeed $(DEEPSPEED_CONFIG) \
	--gradient_checkpointing $(GRADIENT_CHECKPOINTING) --dataloader_num_workers $(DATALOADER_NUM_WORKERS) \
	--launcher $(LAUNCHER) --num_gpus $(NUM_GPUS)

## train the projectors on what was synthesised
pretrain: $(RUN)/.make/pretrain.out
OUTPUTS.pretrain := pretrain/mm_projector.bin
KNOBS.pretrain := $(TRAIN_KNOBS) PRETRAIN_GLOBAL_BATCH_SIZE PRETRAIN_BATCH_SIZE_PER_GPU PRETRAIN_LEARNING_RATE
CODE.pretrain := scripts/pretrain.sh $(TRAIN_CODE)
$(RUN)/.make/pretrain.made: $(RUN)/.make/pretrain.knobs $(RUN)/.make/convert.out $(TRAIN_MODELS)
	$(call stage,scripts/pretrain.sh $(TRAIN_FLAGS) --data_path $(RUN)/synth.llava.json --image_folder $(dir $(SEED)) \
		--global_batch_size $(PRETRAIN_GLOBAL_BATCH_SIZE) --per_device_train_batch_size $(PRETRAIN_BATCH_SIZE_PER_GPU) \
		--learning_rate $(PRETRAIN_LEARNING_RATE) --output_dir $(RUN)/pretrain)

PRETRAINED := $(if $(filter yes,$(PRETRAIN)),pretrain)
## train the projectors and the language model on the finetuning set
finetune: $(RUN)/.make/finetune.out
OUTPUTS.finetune := finetune/config.json finetune/model.safetensors.index.json finetune
KNOBS.finetune := $(TRAIN_KNOBS) PRETRAIN FINETUNE_DATA FINETUNE_GLOBAL_BATCH_SIZE FINETUNE_BATCH_SIZE_PER_GPU FINETUNE_LEARNING_RATE CUT_LONG_SAMPLES
CODE.finetune := scripts/finetune.sh $(TRAIN_CODE) $(call own,FINETUNE_DATA)
$(RUN)/.make/finetune.made: $(RUN)/.make/finetune.knobs $(PRETRAINED:%=$(RUN)/.make/%.out) $(call sets_of,finetune) $(TRAIN_MODELS)
	$(call stage,scripts/finetune.sh $(TRAIN_FLAGS) --data_path $(FINETUNE_DATA) --image_folder $(dir $(FINETUNE_DATA)) \
		$(PRETRAINED:%=--pretrain_mm_mlp_adapter $(RUN)/%/mm_projector.bin) \
		--global_batch_size $(FINETUNE_GLOBAL_BATCH_SIZE) --per_device_train_batch_size $(FINETUNE_BATCH_SIZE_PER_GPU) \
		--learning_rate $(FINETUNE_LEARNING_RATE) --output_dir $(RUN)/finetune -- --cut_long_samples $(CUT_LONG_SAMPLES))

## answer and score TextVQA and MMBench
eval: $(RUN)/.make/textvqa.out $(RUN)/.make/mmbench.out
$(foreach x,textvqa mmbench,$(eval OUTPUTS.$x := eval/$x))
$(foreach x,textvqa mmbench,$(eval KNOBS.$x := EVAL_DATA EVAL_BATCH_SIZE $(if $(filter mmbench,$x),MMBENCH_PARSE)))
EVAL_CODE := py/answering.py py/questions.py py/join_shards.py py/digest.py scripts/eval/common.sh scripts/eval/run_chunks.sh \
	$(MODEL_CODE) $(if $(call own,EVAL_DATA),$(wildcard $(EVAL_DATA)/textvqa/*.json* $(EVAL_DATA)/mmbench/*.tsv))
EVAL_FLAGS = --num_chunks $(NUM_GPUS) --batch_size $(EVAL_BATCH_SIZE) $(if $(filter mmbench,$*),--parse $(MMBENCH_PARSE))
CODE.textvqa := scripts/eval/textvqa.sh py/answer_textvqa.py py/score_textvqa.py py/m4c.py $(EVAL_CODE)
CODE.mmbench := scripts/eval/mmbench.sh py/answer_mmbench.py py/mmbench_upload.py py/score_mmbench.py $(EVAL_CODE)
$(RUN)/.make/textvqa.made $(RUN)/.make/mmbench.made: $(RUN)/.make/%.made: $(RUN)/.make/%.knobs $(RUN)/.make/finetune.out $(call sets_of,eval)
	$(call stage,scripts/eval/$*.sh --model_path $(RUN)/finetune --data $(EVAL_DATA)/$* --output $(RUN)/eval/$* \
		$(EVAL_FLAGS))

##@ The answer

# At the larger scales the baseline is built only when asked for; the demo always compares.
BASELINE := $(if $(filter-out $(EXP),$(BASELINE_EXP)),$(RUNS)/$(BASELINE_EXP))
BASELINE_MARK := $(BASELINE:%=%/.make/results.out)
BASELINE_MAKE = +@$(MAKE) EXP=$(BASELINE_EXP) BASELINE_EXP= RECIPE=seed PRETRAIN=yes
INPUTS_READY := .venv/.installed $(call models_of,$(ALL_MODELS)) $(call sets_of,seed finetune eval)
ifneq ($(and $(BASELINE),$(filter demo,$(PROFILE))),)
$(BASELINE_MARK): FORCE | $(INPUTS_READY)
	$(BASELINE_MAKE) $@
else
BASELINE_MARK := $(wildcard $(BASELINE_MARK))
endif
BASELINE_RESULTS := $(if $(BASELINE_MARK),$(BASELINE)/results.json)

## the whole way: the scores of EXP, beside its baseline's
results: $(RUN)/.make/results.out
	+@$(if $(dry_run),:,cat $(RUN)/results.txt; scripts/say_if_current.sh $(RUN) $(STARTED))
OUTPUTS.results := results.json results.txt
KNOBS.results := PROFILE EXP RECIPE RANDOM_SEED PRETRAIN SEED STAGE1 FINETUNE_DATA EVAL_DATA BASELINE_RESULTS
CODE.results := scripts/results.sh py/collect_results.py py/show_results.py py/intervals.py py/digest.py $(COMMON_CODE)
RESULTS_FLAGS = --run $(RUN) --profile $(PROFILE) --recipe $(RECIPE) --random_seed $(RANDOM_SEED) --pretrained $(PRETRAIN) \
	--settings 'RECIPE=$(RECIPE) $(foreach k,SEED STAGE1 FINETUNE_DATA EVAL_DATA,$(if $(call own,$k),$k=$($k))) $(if $(PRETRAINED),,PRETRAIN=no)' \
	finetune_data=$(FINETUNE_DATA) $(if $(PRETRAINED),seed=$(SEED) stage1=$(STAGE1) recipe=$(RECIPE_FILE) synth=$(RUN)/synth.jsonl)
$(RUN)/.make/results.made: $(RUN)/.make/results.knobs $(BASELINE_MARK) \
		$(foreach x,$(if $(PRETRAINED),synth convert pretrain) finetune textvqa mmbench,$(RUN)/.make/$x.out)
	$(call stage,scripts/results.sh $(RESULTS_FLAGS) --experiment $(EXP) $(BASELINE_RESULTS:%=--baseline %))
STARTED := $(shell date +%s.%N)
dry_run = $(findstring n,$(firstword -$(MAKEFLAGS)))$(findstring q,$(firstword -$(MAKEFLAGS)))

## the baseline's scores: recipe 'seed', all other knobs equal
baseline:
	$(BASELINE_MAKE) results

## the same checkpoint, asked with its images blanked: what the text alone gives away
text-only: $(RUN)/.make/blank.out
	+@$(if $(dry_run),:,cat $(RUN)/blank/results.txt)
$(foreach x,textvqa mmbench,$(eval OUTPUTS.blank_$x := blank/eval/$x)$(eval KNOBS.blank_$x := $(KNOBS.$x))$(eval CODE.blank_$x := $(CODE.$x)))
$(RUN)/.make/blank_textvqa.made $(RUN)/.make/blank_mmbench.made: $(RUN)/.make/blank_%.made: $(RUN)/.make/blank_%.knobs \
		$(RUN)/.make/finetune.out $(call sets_of,eval)
	$(call stage,scripts/eval/$*.sh --model_path $(RUN)/finetune --data $(EVAL_DATA)/$* --output $(RUN)/blank/eval/$* \
		$(EVAL_FLAGS) --blank_image)
OUTPUTS.blank := blank/results.json blank/results.txt
KNOBS.blank := $(filter-out BASELINE_RESULTS,$(KNOBS.results))
CODE.blank := $(CODE.results)
$(RUN)/.make/blank.made: $(RUN)/.make/blank.knobs $(RUN)/.make/blank_textvqa.out $(RUN)/.make/blank_mmbench.out
	$(call stage,scripts/results.sh $(RESULTS_FLAGS) --experiment $(EXP) --scores $(RUN)/blank)

# One experiment per row and random seed, named ROW-sSEED; a row is a recipe or one of these controls of the demo.
TABLE_ROWS := no_pretraining shuffled seed recaption filter_recaption clean
ROW.no_pretraining := RECIPE=seed PRETRAIN=no
ROW.shuffled := RECIPE=seed SEED=$(DATA)/controls/shuffled.jsonl
ROW.clean := RECIPE=seed SEED=$(DATA)/controls/clean.jsonl
TABLE_RUNS := $(foreach s,$(RANDOM_SEEDS),$(foreach r,$(TABLE_ROWS),$r-s$s))
$(TABLE_RUNS:%=table/%): table/%: | $(INPUTS_READY)
	+@$(MAKE) EXP=$* RANDOM_SEED=$(lastword $(subst -s, ,$*)) BASELINE_EXP= \
		$(or $(ROW.$(firstword $(subst -s, ,$*))),RECIPE=$(firstword $(subst -s, ,$*))) \
		$(RUNS)/$*/.make/results.out $(if $(filter filter_recaption-%,$*),text-only)
## the results table over RANDOM_SEEDS with all controls (demo), written into README.md
table: $(TABLE_RUNS:%=table/%)
	@scripts/table.sh $(RUNS) $(EVAL_DATA) '$(TABLE_ROWS)' '$(RANDOM_SEEDS)'

##@ Upkeep

## run all tests
test: .venv/.installed
	@$(PYTHON) -m pytest $(PYTEST_FLAGS)
## ruff and shellcheck
check: .venv/.installed
	@.venv/bin/ruff check . && .venv/bin/shellcheck scripts/*.sh scripts/*/*.sh .ci/run
## train the demo's stand-in models anew, into py/world/weights
standins: .venv/.installed
	@$(PYTHON) py/world/make_standins.py --output py/world/weights
## resolve env/requirements.in into the lock file anew
lock: .venv/.installed
	@cd env && ../.venv/bin/uv pip compile -q --upgrade requirements.in --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--generate-hashes --no-annotate --custom-compile-command 'make lock' -o requirements.lock
## forget the synthesised data of EXP; what follows runs again only if the new data differ
clean-synth:
	rm -f $(addprefix $(RUN)/,$(OUTPUTS.synth) $(OUTPUTS.convert) .make/synth.made .make/convert.made)
## forget the experiment EXP
clean-run:
	rm -rf $(RUN)
## forget everything that was built, downloads and .venv included
distclean:
	rm -rf data models runs .venv
## this text
help:
	@awk -f scripts/help.awk Makefile
	@echo; echo "PROFILE=$(PROFILE) sets these otherwise (configs/$(PROFILE).mk):"; grep -oE '^[A-Z0-9_]+ \?= .*' configs/$(PROFILE).mk | sed 's/^/  /; s/?= //'

.PHONY: env models data synth pretrain finetune eval results baseline text-only table test check standins lock \
	clean-synth clean-run distclean help FORCE
