# Better Synth: from seed data to a scored model, as one graph of files.
#
#   seed ──synth──▶ synth.jsonl ──convert──▶ synth.llava.json ──pretrain──▶ mm_projector.bin
#        ──finetune──▶ checkpoint ──textvqa, mmbench──▶ scores ──results──▶ results.json
#
# make gives the order of the stages, their content decides whether they run. A stage in folder F is one rule, named
# F/.make/STAGE, with the four lines above it: what it makes in F (OUTPUTS), which files it reads beside what its
# prerequisites made (CODE), which knobs (KNOBS) and packages (PACKAGES). It runs when one of these, or what a prerequisite
# made, is not what F/.make/STAGE.made says, or its outputs are not whole: by content, so times mean nothing here.
# py/graph/ does this; beside STAGE.made lie STAGE.log, what it printed, and STAGE.out, sizes and hashes of what it made.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

ifneq ($(filter 3.% 4.0 4.0.% 4.1 4.1.%,$(MAKE_VERSION)),)
$(error GNU Make 4.2 or newer is needed, this is $(MAKE_VERSION))
endif
ifneq ($(words $(CURDIR)),1)
$(error a path with a space is more than make can handle: move the project from '$(CURDIR)')
endif
ifneq ($(shell echo $$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404))),1)
$(error bash 4.4 or newer is needed as $(SHELL))
endif
# For the graph itself, which needs nothing installed; the stages' own is .venv's.
PY := $(or $(if $(realpath .venv/bin/python),.venv/bin/python),$(shell command -v python3.11 || command -v python3))
ifeq ($(PY),)
$(error python3 is missing; install Python 3.11 with its venv module)
endif
PY := $(PY) -X utf8 -SE

##@ Knobs of an experiment (make results EXP=mine RECIPE=recaption)

## scale: demo (no GPU, no download), 10k or full (the official ones)
PROFILE ?= demo
## name of the experiment, its folder under runs/PROFILE; of several, `make -j4 results EXP="a b c d"` makes each
EXP ?= default
EXP_GIVEN := $(findstring command,$(origin EXP))
EXPS := $(EXP)
override EXP := $(firstword $(EXPS))
## data recipe: a name in configs/recipes, or the path of your own .yaml
RECIPE ?= filter_recaption
## sets initialisation, order and sampling; official: 1024
RANDOM_SEED ?= 1024

DATA := data/$(PROFILE)
MODELS := models/$(PROFILE)
RUNS := runs/$(PROFILE)
RUN := $(RUNS)/$(EXP)
LLM := $(MODELS)/gemma-2b-it
VISION_TOWER := $(MODELS)/clip-vit-large-patch14-336
VISION_TOWER_AUX := $(MODELS)/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup
CAPTIONER := $(MODELS)/blip2-opt-2.7b
MATCHING_MODEL := $(MODELS)/blip-itm-base-coco
ifeq ($(wildcard configs/$(PROFILE).mk),)
$(error PROFILE=$(PROFILE) is unknown; there are: $(patsubst configs/%.mk,%,$(wildcard configs/*.mk)))
endif
ifneq ($(if $(EXPS),,none)$(findstring /,$(EXPS))$(filter .%,$(EXPS)),)
$(error EXP='$(EXPS)': a name, or several, without slash or a dot in front)
endif
include configs/$(PROFILE).mk

## your own seed set, Data-Juicer's .jsonl or LLaVA's .json, image paths relative to the file
SEED ?=
## the questions of the seed's samples in LLaVA format (a .json SEED has them); none: the official ones, chosen by id
STAGE1 ?= $(or $(filter %.json,$(SEED)),$(DATA)/seed/stage_1.json)
## finetuning set in LLaVA format (the official one is fixed)
FINETUNE_DATA ?=
## folder with textvqa/ and mmbench/ in the official layout
EVAL_DATA ?= $(DATA)/eval
## experiment whose scores are the divisor: recipe 'seed', all other knobs equal
BASELINE_EXP ?= $(if $(filter file,$(origin SEED)),baseline,$(EXP)-baseline)$(if $(filter-out 1024,$(RANDOM_SEED)),-s$(RANDOM_SEED))
## a record or image that cannot be used: fail, or drop it alone and say so in the ledger
ON_BAD_RECORD ?= fail
## with drop: more bad records than this share fail
MAX_BAD_RECORDS ?= 0.01

## yes, or no: finetune from untrained projectors, a control
PRETRAIN ?= yes
## True: cut a finetuning sample over 2048 tokens, as the official code does; False: stop and name it
CUT_LONG_SAMPLES ?= False

##@ Knobs of many runs (make sweep RECIPES="seed recaption my/own.yaml" RANDOM_SEEDS="1 2 3")

## recipes to compare with `seed`: names, paths of your own .yaml, or controls: no_pretraining, shuffled and clean (demo)
RECIPES ?= seed recaption filter_recaption swap_worst balanced ocr_grounded
## random seeds that each is run with
RANDOM_SEEDS ?= 1 2 3 4 5
## experiment whose synthesised data this one trains on, where RECIPE does not read the random seed; a sweep sets it
SYNTH_EXP ?=

##@ Knobs of the machine

## GPUs to train and evaluate on, of each machine; auto: all that are there
NUM_GPUS ?= auto
## DeepSpeed's file of machines to train on, one `HOST slots=GPUS` a line; all see this folder under this path
HOSTFILE ?=
## models' answers (captions, similarities, words read), shared by all experiments and profiles: nothing is computed twice
STORE ?= data/store.sqlite
## most gigabytes in FEATURE_CACHE
FEATURE_CACHE_GB ?= 2
## records that a model's operator gets at once; changes speed, not results
SYNTH_BATCH_SIZE ?= 256
## processes of synthesis; each loads the models, on the GPUs in turn
SYNTH_PROCESSES ?= 1
## default, or ray: Data-Juicer's Ray executor, the same result
EXECUTOR ?= default
## of a Ray cluster that sees the same files; local: one is started here
RAY_ADDRESS ?= local
## index of a CPU-only torch, instead of the locked CUDA build
TORCH_INDEX ?=
## 1: show all that the stages print; 0: only when they start and end, as a sweep does
V ?=

##@ Where 10k and full take their inputs from: URLs, a hub id (owner/name@revision) or a local path
# The environment counts too: HTTPS_PROXY, HTTP_PROXY and NO_PROXY; HF_ENDPOINT for a mirror of the hub; HF_TOKEN.

## the official server, for the URLs below
SOURCE_BASE ?= http://dail-wlcb.oss-cn-wulanchabu.aliyuncs.com/dj-competition/better_synth
## base that has the same files: tried where SOURCE_BASE cannot be reached or has one no more
MIRROR ?=
## hosts that a download may be redirected to, beside its own
REDIRECT_HOSTS ?=
## seed images, records and stage_1.json
SOURCE.seed_set ?= $(SOURCES.seed)
## finetuning images and instructions
SOURCE.finetune_set ?= $(SOURCES.finetune)
## TextVQA and MMBench; else a folder with textvqa/ and mmbench/ from the original sites
SOURCE.eval_set ?= $(SOURCE_BASE)/data/stage_1/eval_stage_1.tar.gz
## language model; on the hub: google/gemma-2b-it (accept its licence there, set HF_TOKEN)
SOURCE.gemma-2b-it ?= $(SOURCE_BASE)/models/gemma-2b-it.tar.gz
## vision tower; on the hub: openai/clip-vit-large-patch14-336
SOURCE.clip-vit-large-patch14-336 ?= $(SOURCE_BASE)/models/clip-vit-large-patch14-336.tar.gz
## high-resolution tower; on the hub: laion/CLIP-convnext_large_d_320.laion2B-s29B-b131K-ft-soup
SOURCE.openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup ?= $(SOURCE_BASE)/models/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup.tar.gz
## captioner
SOURCE.blip2-opt-2.7b ?= Salesforce/blip2-opt-2.7b
## CLIP for image-text similarity
SOURCE.clip-vit-base-patch32 ?= openai/clip-vit-base-patch32
## BLIP for image-text matching
SOURCE.blip-itm-base-coco ?= Salesforce/blip-itm-base-coco

$(foreach k,SEED STAGE1 FINETUNE_DATA EVAL_DATA RECIPE SYNTH_EXP BASELINE_EXP STORE SIMILARITY_MODEL HOSTFILE DEEPSPEED_CONFIG FEATURE_CACHE,\
	$(if $(filter command environment,$(origin $k)),$(if $(word 2,$($k)),$(error $k='$($k)': a path with a space is more than make can handle))))

export PYTHON := $(CURDIR)/.venv/bin/python
export V
# The same files and the same words in every locale.
export PYTHONUTF8 := 1
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

# A name given on the command line that no knob has is a slip of the pen.
given := $(foreach v,$(.VARIABLES),$(if $(findstring command,$(origin $v)),$v))
ALL_KNOBS := $(shell sed -nE 's/^([^ ]+) \?=.*/\1/p' Makefile configs/*.mk)
ifneq ($(given),)
unknown := $(filter-out TO_RUN DESCRIBE WAIT,$(filter-out $(ALL_KNOBS),$(given)))
$(if $(unknown),$(error $(shell $(PY) py/graph/unknown_knob.py $(foreach u,$(unknown),'$u') --files Makefile configs/*.mk)))
endif

# A name may come from anyone, out of an archive, and stands in commands as it is: it must not be one itself.
define newline


endef
special = $(firstword $(if $(findstring $(newline),$1),newline) $(foreach c,$$ ` \ " ' ; & | < > ( ),$(findstring $c,$1)))
# $(call plain,WHAT,VALUE): an error where VALUE holds what the shell does not take as it is
plain = $(if $(call special,$2),$(error $1='$2': $(call special,$2) means something to the shell; rename or leave it out))
# Those that stand quoted, and options, which are a user's own part of a command.
QUOTED := A B GOAL TARGET ZIP MIRROR TORCH_INDEX SOURCE_BASE SOURCE.% REDIRECT_HOSTS BENCH %_FLAGS
$(foreach k,$(filter-out $(QUOTED),$(ALL_KNOBS)),$(if $(filter command environment,$(origin $k)),$(call plain,$k,$($k))))
$(call plain,EXP,$(EXPS))

# Numbers and words that a stage cannot use are refused before the first one; once, not by each make that this one starts.
ifeq ($(findstring command,$(origin DESCRIBE) $(origin TO_RUN)),)
fault := $(shell $(PY) py/graph/check_knobs.py $(foreach k,$(filter-out $(QUOTED),$(ALL_KNOBS)),'$k=$($k)'))
$(if $(fault)$(filter-out 0,$(.SHELLSTATUS)),$(error $(or $(fault),check_knobs.py: see above)))
endif

letters = $(filter-out --%,$(firstword -$(MAKEFLAGS)))
dry_run = $(findstring n,$(letters))$(findstring q,$(letters))
ifneq ($(findstring t,$(letters)),)
$(error make -t has no meaning here: times decide nothing)
endif

# Set by this Makefile for the makes that it starts, never from the environment.
DESCRIBE :=
WAIT :=
# DESCRIPTION is a make that only describes the stages; TO_RUN those that are not current, found when first asked for.
quoted = '$(subst ','\'',$1)'
DESCRIPTION = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -n -j1 DESCRIBE=yes EXP='$(EXPS)' $(foreach v,$(given),$(call quoted,$v=$(value $v)))
TO_RUN = $(if $(DESCRIBE),,$(find_to_run))
find_to_run = $(eval TO_RUN := $$(shell $$(DESCRIPTION) $(MAKECMDGOALS) | $(PY) py/graph/plan.py --marks))$(if $(filter-out 0,$(.SHELLSTATUS)),$(error stopped, see above))$(TO_RUN)
# $(call public,SOURCES): these without user, password and query: what may be recorded
public = $(foreach w,$1,$(if $(findstring ://,$w),$(call no_user,$(firstword $(subst ?, ,$w)),$(word 2,$(subst /, ,$w))),$w))
no_user = $(subst ://$2,://$(lastword $(subst @, ,$2)),$1)
description = $@ makes $(OUTPUTS.$(@F)) reads $(CODE.$(@F)) packages $(PACKAGES.$(@F)) inputs $(foreach i,$^,$(if $(findstring /.make/,$i),$i)) \
	knobs $(foreach k,$(KNOBS.$(@F)),$(call quoted,$k=$(call public,$($k))))
# What a rule's recipe says: @$(call stage,COMMAND)
stage = $(if $(DESCRIBE),$(info @stage $(description)),$(if $(filter $@,$(TO_RUN)),exec $(PY) py/graph/make_stage.py \
	$(if $(filter $(RUN)/%,$@),--experiment $(if $(WAIT),wait,refuse)) $(description) -- $1))
submake = $(MAKE) $(if $(DESCRIBE),,TO_RUN='$(TO_RUN)')
COMMON_CODE := py/errors.py py/json_files.py py/records.py py/record_files.py py/shapes.py py/json_list.py py/cli.py py/faults.py py/pictures.py
MODEL_CODE := $(sort $(wildcard py/mgm/*.py)) $(COMMON_CODE)

##@ What goes in

ENV := .venv/.make/env
## install the locked packages into .venv (every target does so by itself)
env: $(ENV)
OUTPUTS.env := .installed .requires.json
CODE.env := env/requirements.lock env/bootstrap.lock scripts/install.sh py/graph/requires.py
KNOBS.env := TORCH_INDEX
$(ENV):
	@$(call stage,scripts/install.sh $(if $(TORCH_INDEX),--torch_index $(call quoted,$(TORCH_INDEX))))

ALL_MODELS := $(LLM) $(VISION_TOWER) $(VISION_TOWER_AUX) $(CAPTIONER) $(SIMILARITY_MODEL) $(MATCHING_MODEL)

ifeq ($(PROFILE),demo)
# One stage makes all stand-ins, one the whole world.
models_of = $(MODELS)/.make/standins
sets_of = $(DATA)/.make/world
OUTPUTS.standins := $(sort $(addsuffix /,$(notdir $(ALL_MODELS))))
PACKAGES.standins := torch safetensors
CODE.standins := $(addprefix py/world/,$(addsuffix .py,make_models folders manifest shipped)) py/world/weights/manifest.json $(COMMON_CODE)
$(MODELS)/.make/standins: | $(ENV)
	@$(call stage,$(PYTHON) py/world/make_models.py --output $(MODELS))
OUTPUTS.world := seed/ finetune/ eval/ controls/
PACKAGES.world := pillow
CODE.world := $(addprefix py/world/,$(addsuffix .py,make_data training_sets eval_sets scene render captions questions folders)) $(COMMON_CODE)
$(DATA)/.make/world: | $(ENV)
	@$(call stage,$(PYTHON) py/world/make_data.py --output $(DATA))
else
models_of = $(foreach m,$1,$(dir $m).make/$(notdir $m))
sets_of = $(foreach s,$1,$(DATA)/.make/$s_set)
# $(call download,FOLDER,NAME): fetch SOURCE.NAME into FOLDER
download = scripts/download.sh --output $1 --knob SOURCE.$2 $(if $(MIRROR),--base $(call quoted,$(SOURCE_BASE)) --mirror $(call quoted,$(MIRROR))) \
	$(if $(REDIRECT_HOSTS),--redirect_hosts $(call quoted,$(REDIRECT_HOSTS))) $(foreach s,$(SOURCE.$2),$(call quoted,$s))
# No CODE: another line in download.sh is no reason to fetch 40 GB again.
$(foreach x,$(notdir $(ALL_MODELS)) seed_set finetune_set eval_set,$(eval OUTPUTS.$x := $(x:_set=)/)$(eval KNOBS.$x := SOURCE.$x))
$(patsubst $(MODELS)/%,$(MODELS)/.make/%,$(ALL_MODELS)): $(MODELS)/.make/%: | $(ENV)
	@$(call stage,$(call download,$(MODELS)/$*,$*))
$(patsubst %,$(DATA)/.make/%_set,seed finetune eval): $(DATA)/.make/%_set: | $(ENV)
	@$(call stage,$(call download,$(DATA)/$*,$*_set))
endif
## the models: the demo's stand-ins, or the official downloads
models: $(call models_of,$(ALL_MODELS))
## the seed, finetuning and evaluation sets
data: $(call sets_of,seed finetune eval)

##@ The stages

RECIPE_FILE := $(if $(filter %.yaml,$(RECIPE)),$(RECIPE),configs/recipes/$(RECIPE).yaml)
ifeq ($(wildcard $(RECIPE_FILE)),)
$(error RECIPE=$(RECIPE) is unknown; there are: $(patsubst configs/recipes/%.yaml,%,$(wildcard configs/recipes/*.yaml)), or give the path of a .yaml)
endif
RECIPE_READS = $(findstring {$1},$(file <$(RECIPE_FILE)))
RECIPE_MODELS := $(foreach m,CAPTIONER SIMILARITY_MODEL MATCHING_MODEL,$(if $(call RECIPE_READS,$m),$m))
# Your own operators: each Python file, or folder of such, that your recipe names from where it lies.
comma := ,
RECIPE_WORDS := $(if $(filter %.yaml,$(RECIPE)),$(subst $(comma), ,$(subst [, ,$(subst ], ,$(subst ",,$(subst ',,$(file <$(RECIPE))))))))
RECIPE_CODE := $(sort $(filter %.py,$(wildcard $(foreach w,$(RECIPE_WORDS),$(dir $(RECIPE))$w $(dir $(RECIPE))$w/*.py))))
$(call plain,$(RECIPE) names a file,$(RECIPE_CODE))
# Where synthesis puts its data: with this experiment, or with another one that all runs of a sweep share.
SYNTH := $(if $(and $(SYNTH_EXP),$(if $(call RECIPE_READS,RANDOM_SEED),,shared)),$(RUNS)/$(SYNTH_EXP),$(RUN))

# A user's own files count by their content, images included; the profile's by the stage that makes them.
own = $(if $(filter file,$(origin $1)),,$($1))
OWN := $(foreach k,SEED FINETUNE_DATA EVAL_DATA,$(if $(call own,$k),$k))
$(foreach k,$(OWN),$(eval OUTPUTS.own_$k := @own_$k.txt)$(eval CODE.own_$k := py/list_files.py py/stage1.py $(COMMON_CODE) $(if $(filter-out EVAL_DATA,$k),$($k)))$(eval KNOBS.own_$k := $k))
own_mark = $(if $(filter SEED,$1),$(SYNTH),$(RUN))/.make/own_$1
$(foreach k,$(OWN),$(call own_mark,$k)): | $(ENV)
	@$(call stage,$(PYTHON) py/list_files.py --of $($(@F:own_%=%)) --output $(@D:%.make=%)$(@F).txt $(if $(filter own_SEED,$(@F)),$(CHECK_STAGE1)))
# The questions are read after synthesis; that a seed has them is said before it, unless synthesis is all that is asked for.
CHECK_STAGE1 := $(if $(filter-out synth synth-report store %/synth %/synth_report,$(MAKECMDGOALS)),--stage1 $(STAGE1))
OWN_STAGE1 := $(filter-out none $(SEED),$(call own,STAGE1))
STAGE1_OF_PROFILE := $(if $(OWN_STAGE1)$(filter none $(SEED),$(STAGE1)),,$(call sets_of,seed))
$(SYNTH)/.make/own_SEED: | $(if $(CHECK_STAGE1),$(STAGE1_OF_PROFILE))
# $(call from,KNOB,SET): the stage behind the files of KNOB
from = $(if $(filter $1,$(OWN)),$(call own_mark,$1),$(call sets_of,$2))
SEED_AND_STAGE1 := $(sort $(call from,SEED,seed) $(STAGE1_OF_PROFILE))

## clean and re-synthesise the seed by RECIPE
synth: $(SYNTH)/.make/synth
OUTPUTS.synth := synth.jsonl ledger.jsonl synth.summary.json
KNOBS.synth := SEED RECIPE ON_BAD_RECORD MAX_BAD_RECORDS $(RECIPE_MODELS) $(if $(call RECIPE_READS,BUDGET),PRETRAIN_BUDGET) $(if $(call RECIPE_READS,RANDOM_SEED),RANDOM_SEED)
PACKAGES.synth := py-data-juicer torch transformers pillow faiss-cpu rapidocr-onnxruntime
CODE.synth := scripts/synth.sh scripts/python.sh scripts/ended.sh $(addprefix py/,$(addsuffix .py,check_seed image_check workers progress graph/__init__ graph/sizes \
	fill_recipe placeholders recipe_file run_data_juicer bad_records halving spare_work make_ledger follow_run misfits run_trace fates \
	store store_file digest ocr watermarks stock_phrases)) \
	$(sort $(wildcard py/ops/*.py)) py/mgm/__init__.py py/mgm/weights.py $(COMMON_CODE) $(RECIPE_FILE) $(RECIPE_CODE)
$(SYNTH)/.make/synth: $(call from,SEED,seed) $(if $(RECIPE_MODELS),$(call models_of,$(foreach m,$(RECIPE_MODELS),$($m)))) | $(ENV)
	@$(call stage,scripts/synth.sh --recipe $(RECIPE_FILE) --seed $(SEED) --output $(SYNTH)/synth.jsonl \
		--ledger $(SYNTH)/ledger.jsonl --captioner $(CAPTIONER) --similarity_model $(SIMILARITY_MODEL) --matching_model $(MATCHING_MODEL) \
		--store $(STORE) --budget $(PRETRAIN_BUDGET) --random_seed $(RANDOM_SEED) --np $(SYNTH_PROCESSES) --batch_size $(SYNTH_BATCH_SIZE) \
		--on_bad_record $(ON_BAD_RECORD) --max_bad_records $(MAX_BAD_RECORDS) --executor $(EXECUTOR) --ray_address $(RAY_ADDRESS))

## judge the recipe by eye: one page, runs/PROFILE/EXP/synth_report.html
synth-report: $(RUN)/.make/synth_report
	+@$(if $(dry_run),,echo 'open $(RUN)/synth_report.html')
OUTPUTS.synth_report := synth_report.html
PACKAGES.synth_report := jinja2 matplotlib pillow
PAGE_CODE := $(sort $(wildcard py/recipe_report/*.py py/recipe_report/*.j2))
CODE.synth_report := py/synth_report.py $(PAGE_CODE) $(COMMON_CODE) $(RECIPE_FILE)
KNOBS.synth_report := SEED RECIPE
$(RUN)/.make/synth_report: $(SYNTH)/.make/synth
	@$(call stage,$(PYTHON) py/synth_report.py --ledger $(SYNTH)/ledger.jsonl --summary $(SYNTH)/synth.summary.json --seed $(SEED) \
		--recipe $(RECIPE_FILE) --output $(RUN)/synth_report.html)

OUTPUTS.convert := synth.llava.json
KNOBS.convert := SEED STAGE1 PRETRAIN_BUDGET RANDOM_SEED
PACKAGES.convert := pillow
CODE.convert := py/dj_to_llava.py py/stage1.py $(COMMON_CODE) $(OWN_STAGE1)
$(RUN)/.make/convert: $(SYNTH)/.make/synth $(SEED_AND_STAGE1) | $(ENV)
	@$(call stage,$(PYTHON) py/dj_to_llava.py --synth $(SYNTH)/synth.jsonl --stage1 $(STAGE1) --seed $(SEED) --image_folder $(dir $(SEED)) \
		--budget $(PRETRAIN_BUDGET) --random_seed $(RANDOM_SEED) --output $(RUN)/synth.llava.json)

TRAIN_KNOBS := RANDOM_SEED IMAGE_SIZE_AUX NUM_GPUS DEEPSPEED_CONFIG GRADIENT_CHECKPOINTING
COSTS_CODE := $(addprefix py/costs/,$(addsuffix .py,__init__ batch flops gpus memory peak plan sample shapes states step units))
TRAIN_CODE := py/train.py scripts/train_options.sh scripts/python.sh scripts/ended.sh scripts/gpus.sh py/plan_batch.py $(COSTS_CODE) $(sort $(wildcard py/mgm/training/*.py)) $(MODEL_CODE) $(filter-out none,$(DEEPSPEED_CONFIG))
TRAIN_PACKAGES := torch transformers timm accelerate deepspeed pillow
TRAIN_MODELS := $(call models_of,$(LLM) $(VISION_TOWER) $(VISION_TOWER_AUX))
TRAIN_FLAGS = --model_name_or_path $(LLM) --vision_tower $(VISION_TOWER) --vision_tower_aux $(VISION_TOWER_AUX) \
	--image_size_aux $(IMAGE_SIZE_AUX) --seed $(RANDOM_SEED) --save_steps $(SAVE_STEPS) --deepspeed $(DEEPSPEED_CONFIG) \
	--gradient_checkpointing $(GRADIENT_CHECKPOINTING) --dataloader_num_workers $(DATALOADER_NUM_WORKERS) \
	--launcher $(LAUNCHER) --num_gpus $(NUM_GPUS) $(HOSTFILE:%=--hostfile %) $(FEATURE_FLAGS)
FEATURE_FLAGS = $(patsubst %,--feature_cache % --feature_cache_gb $(FEATURE_CACHE_GB),$(filter-out none,$(FEATURE_CACHE)))

## train the projectors on what was synthesised
pretrain: $(RUN)/.make/pretrain
OUTPUTS.pretrain := pretrain/mm_projector.bin pretrain/
PACKAGES.pretrain := $(TRAIN_PACKAGES)
KNOBS.pretrain := $(TRAIN_KNOBS) PRETRAIN_GLOBAL_BATCH_SIZE PRETRAIN_BATCH_SIZE_PER_GPU PRETRAIN_LEARNING_RATE
CODE.pretrain := scripts/pretrain.sh $(TRAIN_CODE)
$(RUN)/.make/pretrain: $(RUN)/.make/convert $(call from,SEED,seed) $(TRAIN_MODELS)
	@$(call stage,scripts/pretrain.sh $(TRAIN_FLAGS) --data_path $(RUN)/synth.llava.json --image_folder $(dir $(SEED)) \
		--global_batch_size $(PRETRAIN_GLOBAL_BATCH_SIZE) --per_device_train_batch_size $(PRETRAIN_BATCH_SIZE_PER_GPU) \
		--learning_rate $(PRETRAIN_LEARNING_RATE) --output_dir $(RUN)/pretrain)

PRETRAINED := $(if $(filter yes,$(PRETRAIN)),pretrain)
## train the projectors and the language model on the finetuning set
finetune: $(RUN)/.make/finetune
OUTPUTS.finetune := finetune/config.json finetune/model.safetensors.index.json finetune/
PACKAGES.finetune := $(TRAIN_PACKAGES)
KNOBS.finetune := $(TRAIN_KNOBS) PRETRAIN FINETUNE_DATA FINETUNE_GLOBAL_BATCH_SIZE FINETUNE_BATCH_SIZE_PER_GPU FINETUNE_LEARNING_RATE CUT_LONG_SAMPLES
CODE.finetune := scripts/finetune.sh $(TRAIN_CODE)
$(RUN)/.make/finetune: $(PRETRAINED:%=$(RUN)/.make/%) $(call from,FINETUNE_DATA,finetune) $(TRAIN_MODELS)
	@$(call stage,scripts/finetune.sh $(TRAIN_FLAGS) --data_path $(FINETUNE_DATA) --image_folder $(dir $(FINETUNE_DATA)) \
		$(PRETRAINED:%=--pretrain_mm_mlp_adapter $(RUN)/%/mm_projector.bin) \
		--global_batch_size $(FINETUNE_GLOBAL_BATCH_SIZE) --per_device_train_batch_size $(FINETUNE_BATCH_SIZE_PER_GPU) \
		--learning_rate $(FINETUNE_LEARNING_RATE) --output_dir $(RUN)/finetune -- --cut_long_samples $(CUT_LONG_SAMPLES))

## answer and score TextVQA and MMBench
eval: $(RUN)/.make/textvqa $(RUN)/.make/mmbench
$(foreach x,textvqa mmbench,$(eval OUTPUTS.$x := eval/$x/)$(eval PACKAGES.$x := torch transformers timm pillow $(if $(filter mmbench,$x),openpyxl)))
$(foreach x,textvqa mmbench,$(eval KNOBS.$x := EVAL_DATA EVAL_BATCH_SIZE $(if $(filter mmbench,$x),MMBENCH_PARSE)))
EVAL_CODE := $(addprefix py/,$(addsuffix .py,answering answer_flags answer_lines questions mmbench_table join_shards digest)) \
	$(addprefix scripts/,python.sh gpus.sh ended.sh eval/common.sh eval/run_chunks.sh) $(MODEL_CODE)
EVAL_FLAGS = --num_chunks $(NUM_GPUS) --batch_size $(EVAL_BATCH_SIZE) $(FEATURE_FLAGS) $(if $(filter mmbench,$*),--parse $(MMBENCH_PARSE))
CODE.textvqa := scripts/eval/textvqa.sh py/answer_textvqa.py py/score_textvqa.py py/m4c.py $(EVAL_CODE)
CODE.mmbench := scripts/eval/mmbench.sh py/answer_mmbench.py py/mmbench_upload.py py/score_mmbench.py $(EVAL_CODE)
$(RUN)/.make/textvqa $(RUN)/.make/mmbench: $(RUN)/.make/%: $(RUN)/.make/finetune $(call from,EVAL_DATA,eval)
	@$(call stage,scripts/eval/$*.sh --model_path $(RUN)/finetune --data $(EVAL_DATA)/$* --output $(RUN)/eval/$* \
		$(EVAL_FLAGS))

##@ The answer

# At the larger scales the baseline is built only when asked for; the demo always compares.
BASELINE := $(if $(filter-out $(EXP),$(BASELINE_EXP)),$(RUNS)/$(BASELINE_EXP))
BASELINE_MARK := $(BASELINE:%=%/.make/results)
BASELINE_MAKE = $(submake) EXP=$(BASELINE_EXP) BASELINE_EXP= RECIPE=seed PRETRAIN=yes WAIT=yes
INPUTS_READY := $(ENV) $(call models_of,$(ALL_MODELS)) $(call sets_of,seed finetune eval)
ifneq ($(and $(BASELINE),$(filter demo,$(PROFILE))),)
$(BASELINE_MARK): | $(INPUTS_READY)
	+@$(if $(DESCRIBE)$(filter $(BASELINE)/%,$(TO_RUN)),$(BASELINE_MAKE) $@)
else
BASELINE_MARK := $(wildcard $(BASELINE_MARK).made)
endif
BASELINE_RESULTS := $(if $(BASELINE_MARK),$(BASELINE)/results.json)

## the whole way: the scores of EXP, beside its baseline's
results: $(if $(word 2,$(EXPS)),$(EXPS:%=results/%),$(RUN)/.make/results)
	+@$(if $(word 2,$(EXPS))$(dry_run),,cat $(RUN)/results.txt$(if $(TO_RUN),,; echo 'nothing to do: $(RUN) is up to date'))
$(EXPS:%=results/%): results/%: | $(INPUTS_READY)
	+@$(submake) EXP=$* results
OUTPUTS.results := results.json results.txt
PACKAGES.results := scipy rich torch transformers deepspeed py-data-juicer
KNOBS.results := PROFILE EXP RECIPE RANDOM_SEED PRETRAIN SEED STAGE1 FINETUNE_DATA EVAL_DATA BASELINE_RESULTS
CODE.results := scripts/results.sh scripts/python.sh $(addprefix py/,$(addsuffix .py,collect_results show_results result_words screen intervals digest)) $(COMMON_CODE)
RESULTS_FLAGS = --run $(RUN) $(if $(PRETRAINED),--synth $(SYNTH)) --profile $(PROFILE) --recipe $(RECIPE) --random_seed $(RANDOM_SEED) \
	--settings 'RECIPE=$(RECIPE) $(foreach k,SEED STAGE1 FINETUNE_DATA EVAL_DATA,$(if $(call own,$k),$k=$($k))) $(if $(PRETRAINED),,PRETRAIN=no)' \
	finetune_data=$(FINETUNE_DATA) $(if $(PRETRAINED),seed=$(SEED) $(patsubst %,stage1=%,$(filter-out none,$(STAGE1))) recipe=$(RECIPE_FILE) synth=$(SYNTH)/synth.jsonl)
STAGE_MARKS := $(if $(PRETRAINED),$(SYNTH)/.make/synth) $(foreach x,$(if $(PRETRAINED),convert pretrain) finetune textvqa mmbench,$(RUN)/.make/$x)
$(RUN)/.make/results: $(BASELINE_MARK) $(STAGE_MARKS)
	@$(call stage,scripts/results.sh $(RESULTS_FLAGS) --experiment $(EXP) $(BASELINE_RESULTS:%=--baseline %))

## the baseline's scores: recipe 'seed', all other knobs equal
baseline:
	+@$(BASELINE_MAKE) WAIT= results

## the same checkpoint, asked with its images blanked: what the text alone gives away
text-only: $(RUN)/.make/blank
	+@$(if $(dry_run),,cat $(RUN)/blank/results.txt)
$(foreach x,textvqa mmbench,$(eval OUTPUTS.blank_$x := blank/eval/$x/)$(eval PACKAGES.blank_$x := $(PACKAGES.$x))$(eval KNOBS.blank_$x := $(KNOBS.$x))$(eval CODE.blank_$x := $(CODE.$x)))
$(RUN)/.make/blank_textvqa $(RUN)/.make/blank_mmbench: $(RUN)/.make/blank_%: \
		$(RUN)/.make/finetune $(call from,EVAL_DATA,eval)
	@$(call stage,scripts/eval/$*.sh --model_path $(RUN)/finetune --data $(EVAL_DATA)/$* --output $(RUN)/blank/eval/$* \
		$(EVAL_FLAGS) --blank_image)
OUTPUTS.blank := blank/results.json blank/results.txt
PACKAGES.blank := $(PACKAGES.results)
KNOBS.blank := $(filter-out BASELINE_RESULTS,$(KNOBS.results))
CODE.blank := $(CODE.results)
$(RUN)/.make/blank: $(RUN)/.make/blank_textvqa $(RUN)/.make/blank_mmbench
	@$(call stage,scripts/results.sh $(RESULTS_FLAGS) --experiment $(EXP) --scores $(RUN)/blank)

##@ Many runs

# A row of the leaderboard is a recipe or a control; each of its runs is an experiment, ROW-sRANDOM_SEED.
MANY := $(filter sweep leaderboard report table,$(MAKECMDGOALS))
ROW.no_pretraining := RECIPE=seed PRETRAIN=no
ROW.shuffled := RECIPE=seed PRETRAIN=yes SEED=$(DATA)/controls/shuffled.jsonl
ROW.clean := RECIPE=seed PRETRAIN=yes SEED=$(DATA)/controls/clean.jsonl
SWEPT := $(if $(filter table,$(MANY)),no_pretraining shuffled) $(if $(filter seed,$(RECIPES)),,seed) $(RECIPES) $(if $(filter table,$(MANY)),clean)
ROWS := $(notdir $(SWEPT:%.yaml=%))
ifneq ($(MANY),)
fault := $(shell $(PY) py/graph/check_sweep.py --profile $(PROFILE) --recipes $(foreach r,$(SWEPT),$(call quoted,$r)) \
	--random_seeds $(foreach s,$(RANDOM_SEEDS),$(call quoted,$s)) --given $(given) $(if $(DESCRIBE),,$(EXP_GIVEN:command=EXP)))
$(if $(fault)$(filter-out 0,$(.SHELLSTATUS)),$(error $(or $(fault),RECIPES or RANDOM_SEEDS: see above)))
SWEEP := $(foreach s,$(RANDOM_SEEDS),$(foreach r,$(ROWS),$r-s$s))
SWEEP_MARKS := $(SWEEP:%=$(RUNS)/%/.make/results)
SWEEP_STARTED := $(if $(DESCRIBE),,$(shell date +%s))
seed_of = $(lastword $(subst -s, ,$1))
row_of = $(patsubst %-s$(seed_of),%,$1)
row_knobs = $(or $(ROW.$(row_of)),PRETRAIN=yes RECIPE=$(or $(filter $(row_of).yaml %/$(row_of).yaml,$(SWEPT)),$(row_of)))
SWEPT_TEXT := $(foreach r,$(SWEPT),$(file <$(or $(wildcard $(filter %.yaml,$r) configs/recipes/$r.yaml),/dev/null)))
SWEPT_READS = $(findstring {$1},$(SWEPT_TEXT))
SWEPT_MODELS := $(foreach m,CAPTIONER SIMILARITY_MODEL MATCHING_MODEL,$(if $(call SWEPT_READS,$m),$($m)))
SWEEP_NEEDS := $(ENV) $(call models_of,$(LLM) $(VISION_TOWER) $(VISION_TOWER_AUX) $(SWEPT_MODELS)) \
	$(filter $(DATA)/.make/%,$(SEED_AND_STAGE1) $(call from,FINETUNE_DATA,finetune) $(call from,EVAL_DATA,eval))
# What is to run of a run and of what it shares with others; with all of theirs the command line could grow too long.
to_run_of = $(filter-out $(patsubst %,$(RUNS)/%/%,$(filter-out $1,$(SWEEP))),$(TO_RUN))
ifneq ($(filter sweep table,$(MANY)),)
tell_progress = $(PY) py/graph/sweep_progress.py --started $(SWEEP_STARTED) $(filter $(SWEEP_MARKS),$(TO_RUN))
sweep-start: | $(SWEEP_NEEDS)
	+@$(if $(DESCRIBE)$(dry_run),,$(if $(filter $(SWEEP_MARKS),$(TO_RUN)),$(tell_progress)))
.PHONY: sweep-start
$(SWEEP_MARKS): $(RUNS)/%/.make/results: | sweep-start
	+@$(if $(DESCRIBE)$(filter $(RUNS)/$*/%,$(TO_RUN)),$(MAKE) $(if $(DESCRIBE),,TO_RUN='$(call to_run_of,$*)') EXP=$* $(call row_knobs,$*) \
		RANDOM_SEED=$(call seed_of,$*) SYNTH_EXP=$(call row_of,$*)-synth BASELINE_EXP= WAIT=yes V=$(or $V,0) $@ \
		$(if $(filter table,$(MANY)),$(patsubst filter_recaption-s%,$(RUNS)/$*/.make/blank,$(filter filter_recaption-s%,$*))) \
		$(if $(DESCRIBE)$(dry_run),,&& $(tell_progress)))
else
SWEEP_MARKS := $(patsubst %,%.made,$(SWEEP_MARKS))
SWEEP_MARKS := $(wildcard $(SWEEP_MARKS))
$(if $(SWEEP_MARKS)$(DESCRIBE),,$(error no run of $(ROWS) with random seeds $(RANDOM_SEEDS) in $(RUNS); 'make sweep' makes them))
endif
OUTPUTS.leaderboard := leaderboard.json leaderboard.txt
PACKAGES.leaderboard := scipy statsmodels rich torch transformers timm
RUNS_CODE := $(sort $(wildcard py/leaderboard/*.py)) py/mmbench_table.py py/progress.py py/screen.py $(COMMON_CODE) \
	$(addprefix py/graph/,$(addsuffix .py,__init__ changes files marks outputs sizes stages))
CODE.leaderboard := scripts/leaderboard.sh scripts/python.sh py/make_leaderboard.py py/show_leaderboard.py py/costs/captioning.py $(COSTS_CODE) \
	$(MODEL_CODE) py/mgm/training/__init__.py py/mgm/training/trainable.py $(RUNS_CODE)
KNOBS.leaderboard := ROWS RANDOM_SEEDS SWEEP_AGAIN CAPTIONER SIMILARITY_MODEL MATCHING_MODEL
# The knobs of the command that makes the same sweep with other random seeds.
SWEEP_AGAIN := $(strip $(if $(filter table,$(MANY))$(filter-out file,$(origin RECIPES)),RECIPES="$(strip $(SWEPT))") \
	$(foreach v,$(filter-out RECIPES RANDOM_SEEDS PROFILE GOAL TARGET V DESCRIBE TO_RUN WAIT,$(given)),$v=$(call public,$($v))))
$(RUNS)/.make/leaderboard: $(SWEEP_MARKS)
	@$(call stage,scripts/leaderboard.sh --runs $(RUNS) --recipes '$(ROWS)' --random_seeds '$(RANDOM_SEEDS)' \
		--settings $(call quoted,$(SWEEP_AGAIN)) \
		--captioner $(CAPTIONER) --similarity_model $(SIMILARITY_MODEL) --matching_model $(MATCHING_MODEL))
OUTPUTS.report := report.html
PACKAGES.report := jinja2 matplotlib pillow scipy statsmodels rich
CODE.report := py/make_report.py $(sort $(wildcard py/sweep_report/*.py py/sweep_report/*.j2)) $(PAGE_CODE) py/questions.py py/digest.py \
	py/costs/__init__.py py/costs/units.py $(RUNS_CODE)
KNOBS.report := EVAL_DATA
$(RUNS)/.make/report: $(RUNS)/.make/leaderboard $(SWEEP_MARKS) $(wildcard $(addsuffix .made,$(call sets_of,seed eval)))
	@$(call stage,$(PYTHON) py/make_report.py --leaderboard $(RUNS)/leaderboard.json --eval_data $(EVAL_DATA) --output $(RUNS)/report.html)
endif
## compare RECIPES over RANDOM_SEEDS: makes the runs that are missing, then leaderboard.json and report.html
sweep: $(RUNS)/.make/leaderboard $(RUNS)/.make/report
	+@$(if $(dry_run),,cat $(RUNS)/leaderboard.txt; echo 'open $(RUNS)/report.html')
## the leaderboard of the runs of RECIPES and RANDOM_SEEDS that are there: runs/PROFILE/leaderboard.json
leaderboard: $(RUNS)/.make/leaderboard $(RUNS)/.make/report
	+@$(if $(dry_run),,cat $(RUNS)/leaderboard.txt)
## the same as a page with plots, losses, data and answers: runs/PROFILE/report.html
report: $(RUNS)/.make/report
	+@$(if $(dry_run),,echo 'open $(RUNS)/report.html')
## experiment, or recipe of a sweep, that `make compare` compares
A ?=
## with this one
B ?=
## what differs between A and B, in knobs, data, losses, answers and scores, and how sure that is
compare: $(ENV)
	@$(PYTHON) py/compare_runs.py --runs $(RUNS) --a $(call quoted,$A) --b $(call quoted,$B)
## the leaderboard of RECIPES with all controls (demo), written into README.md
table: $(RUNS)/.make/leaderboard $(RUNS)/.make/report
	@scripts/table.sh $(RUNS) $(DATA)

##@ The submission

## the run in the challenge's online layout, checked: RUN/submission/ and RUN/submit.zip
submission: $(RUN)/.make/submission
	+@$(if $(dry_run),,echo 'hand in $(RUN)/submit.zip')
## the same with data and weights: RUN/offline/submission/ and RUN/offline/submit.zip
submission-offline: $(RUN)/.make/submission_offline
	+@$(if $(dry_run),,echo 'hand in $(RUN)/offline/submit.zip')
OUTPUTS.submission := submission/ submit.zip
OUTPUTS.submission_offline := offline/submission/ offline/submit.zip
# The knobs that were not left as the files have them, for the command that makes the run again.
STAGE_KNOBS = $(sort $(foreach s,synth convert pretrain finetune textvqa mmbench results,$(KNOBS.$s)))
CHANGED_KNOBS = $(strip $(foreach k,$(filter-out PROFILE EXP RECIPE,$(STAGE_KNOBS)),$(if $(filter file default undefined,$(origin $k)),,$k=$($k))))
$(foreach x,submission submission_offline,$(eval KNOBS.$x := PROFILE EXP RECIPE SEED)$(eval PACKAGES.$x := openpyxl pyyaml))
$(foreach x,submission submission_offline,$(eval CODE.$x = $$(shell $(PY) py/submission/code_files.py) $$(RECIPE_FILE) $$(RECIPE_CODE)))
$(RUN)/.make/submission $(RUN)/.make/submission_offline: $(RUN)/.make/%: $(RUN)/.make/results $(STAGE_MARKS) $(call from,SEED,seed)
	@$(call stage,scripts/submit.sh --run $(RUN) --profile $(PROFILE) --experiment $(EXP) --recipe $(RECIPE_FILE) --seed $(SEED) \
		--knobs $(call quoted,$(CHANGED_KNOBS)) $(if $(filter %_offline,$@),--offline))
# Said before hours of training, not after.
ifneq ($(and $(filter submission submission-offline,$(MAKECMDGOALS)),$(filter-out $(RUN),$(SYNTH))),)
$(error SYNTH_EXP=$(SYNTH_EXP): a submission's data lie with its experiment; leave SYNTH_EXP out)
endif
ifneq ($(and $(filter submission submission-offline,$(MAKECMDGOALS)),$(filter no,$(PRETRAIN))$(filter seed,$(RECIPE))),)
$(error RECIPE=$(RECIPE) PRETRAIN=$(PRETRAIN): the challenge asks for pretraining on synthesised data; choose another RECIPE, PRETRAIN=yes)
endif
ifneq ($(and $(filter submission submission-offline,$(MAKECMDGOALS)),$(filter-out demo,$(PROFILE)),$(filter-out SEED,$(OWN))),)
$(error $(filter-out SEED,$(OWN)): the challenge fixes the finetuning and evaluation sets; leave these out, copies are named by SOURCE.finetune_set and SOURCE.eval_set)
endif
## the zip, or folder, that `make check-submission` checks: any submission, whoever made it
ZIP ?= $(RUN)/submit.zip
## name all faults of ZIP (PROFILE=10k: by that round's numbers; else by those that its readme names)
check-submission: $(ENV)
	@$(PYTHON) py/check_submission.py --zip $(call quoted,$(ZIP)) $(if $(findstring command,$(origin PROFILE)),--profile $(PROFILE))

##@ What would run, and why

## options of the doctor: --json, --no-build (DeepSpeed's optimizer)
DOCTOR_FLAGS ?=
## check this machine for what PROFILE needs, before anything is downloaded or trained, and what killed runs left
doctor:
	@$(PY) py/doctor/examine.py --profile $(PROFILE) --data $(DATA) --models $(MODELS) --runs $(RUNS) --store $(STORE) \
		--feature_cache $(FEATURE_CACHE) $(foreach k,$(USUAL_KNOBS),--knob $(call quoted,$k=$($k))) \
		--num_gpus $(NUM_GPUS) --launcher $(LAUNCHER) --hostfile '$(HOSTFILE)' --deepspeed_config '$(DEEPSPEED_CONFIG)' \
		--dataloader_num_workers $(DATALOADER_NUM_WORKERS) \
		--pretrain_global_batch_size $(PRETRAIN_GLOBAL_BATCH_SIZE) --pretrain_batch_size_per_gpu $(PRETRAIN_BATCH_SIZE_PER_GPU) \
		--finetune_global_batch_size $(FINETUNE_GLOBAL_BATCH_SIZE) --finetune_batch_size_per_gpu $(FINETUNE_BATCH_SIZE_PER_GPU) \
		--source_base $(call quoted,$(SOURCE_BASE)) --mirror $(call quoted,$(MIRROR)) --redirect_hosts $(call quoted,$(REDIRECT_HOSTS)) \
		$(foreach i,$(INPUTS_TO_MAKE),--source $(call quoted,$i=$(SOURCE.$i))) $(DOCTOR_FLAGS)
# What the commands that the doctor prints need not repeat.
USUAL_KNOBS = $(filter-out PROFILE EXP BASELINE_RESULTS CAPTIONER MATCHING_MODEL,$(STAGE_KNOBS)) BASELINE_EXP
INPUTS_TO_MAKE = $(sort $(notdir $(filter $(MODELS)/.make/% $(DATA)/.make/%,$(call models_of,$(ALL_MODELS)) $(SEED_AND_STAGE1) \
	$(call from,FINETUNE_DATA,finetune) $(call from,EVAL_DATA,eval))))
## goal that `make plan` and `make why` speak of
GOAL ?= results
## what would run for GOAL, and what changed; runs nothing
plan:
	@$(DESCRIPTION) $(GOAL) | $(PY) py/graph/plan.py
## a file or stage that `make why` explains
TARGET ?= results.json
## the chain from TARGET to the change that makes it out of date, or what it was made from
why:
	@$(DESCRIPTION) $(GOAL) | $(PY) py/graph/plan.py --why $(call quoted,$(TARGET))
## read all models, data and outputs of EXP anew, and name what differs from its manifest
verify-data:
	@$(PY) py/graph/verify.py $(MODELS) $(DATA) $(wildcard $(RUN))
# What is given, or else all of the profile's that is there.
CHECKED := $(strip $(foreach k,SEED STAGE1 FINETUNE_DATA EVAL_DATA RECIPE,$(if $(call own,$k),$k)))
CHECKED := $(or $(CHECKED),$(foreach k,SEED FINETUNE_DATA EVAL_DATA,$(if $(wildcard $($k)),$k)) RECIPE)
## say all that is wrong with SEED, STAGE1, FINETUNE_DATA, EVAL_DATA and RECIPE, those given or the profile's own
check-data: $(ENV)
	@$(PYTHON) py/check_data.py --output $(RUNS)/check-data.jsonl --store $(STORE) --llm $(LLM) --vision_tower $(VISION_TOWER) \
		$(if $(filter SEED STAGE1,$(CHECKED)),--seed $(SEED) --stage1 $(STAGE1)) $(if $(filter RECIPE,$(CHECKED)),--recipe $(RECIPE_FILE)) \
		$(if $(filter FINETUNE_DATA,$(CHECKED)),--finetune_data $(FINETUNE_DATA) --cut_long_samples $(CUT_LONG_SAMPLES)) \
		$(if $(filter EVAL_DATA,$(CHECKED)),--eval_data $(EVAL_DATA))
## model whose answers `make store` forgets
PRUNE ?=
## what the store of models' answers holds, and what RECIPE would still have to compute
store: $(ENV)
	@scripts/store.sh --store $(STORE) $(PRUNE:%=--prune %) $(if $(STORE_READY),--recipe $(RECIPE_FILE) --seed $(SEED) \
		--captioner $(CAPTIONER) --similarity_model $(SIMILARITY_MODEL) --matching_model $(MATCHING_MODEL))
STORE_READY = $(and $(wildcard $(SEED)),$(if $(filter-out $(wildcard $(RECIPE_FOLDERS)),$(RECIPE_FOLDERS)),,yes))
RECIPE_FOLDERS = $(foreach m,$(RECIPE_MODELS),$($m)/config.json)
## GPU for `make estimate`: A10, A100, … or NAME:TERAFLOPS:GIB; empty: this machine's
GPU ?=
## how many of it
GPUS ?= $(filter-out auto,$(NUM_GPUS))
## price of one GPU for one hour
RATE ?=
## share of the GPU's peak to reckon with; empty: what published runs reached
EFFICIENCY ?=
## operations, hours, memory, disk and price of an experiment, before anything is fetched
estimate: $(ENV)
	@$(PYTHON) py/estimate.py --profile $(PROFILE) $(GPU:%=--gpu %) $(GPUS:%=--gpus %) --recipe $(RECIPE_FILE) \
		$(RATE:%=--rate %) $(EFFICIENCY:%=--efficiency %) $(ESTIMATE_FLAGS)
ESTIMATE_FLAGS = --models $(MODELS) --image_size_aux $(IMAGE_SIZE_AUX) --pretrain_budget $(PRETRAIN_BUDGET) \
	--pretrain_global_batch_size $(PRETRAIN_GLOBAL_BATCH_SIZE) --pretrain_batch_size $(PRETRAIN_BATCH_SIZE_PER_GPU) \
	--finetune_global_batch_size $(FINETUNE_GLOBAL_BATCH_SIZE) --finetune_batch_size $(FINETUNE_BATCH_SIZE_PER_GPU) \
	$(patsubst %,--deepspeed %,$(filter-out none,$(DEEPSPEED_CONFIG))) --gradient_checkpointing $(GRADIENT_CHECKPOINTING) \
	--workers $(DATALOADER_NUM_WORKERS)
## disk space per experiment, and what the clean targets would free
du:
	@$(PY) py/graph/disk_use.py $(RUNS) --other $(DATA) $(MODELS) $(filter-out none,$(FEATURE_CACHE)) .venv

##@ Upkeep

## options of pytest
PYTEST_FLAGS ?= -n 2 --dist worksteal
## run all tests
test: $(ENV)
	@$(PYTHON) -m pytest $(PYTEST_FLAGS)
## every attack of tests/README.md, those that take long too, counted there (hours on two cores)
torture: $(ENV)
	@$(PYTHON) -m pytest $(PYTEST_FLAGS) -m attack --torture --figures
## benchmarks that `make bench` runs, of tests/bench; empty: all
BENCH ?=
## --quick: operation counts only, no clock, in a minute
BENCH_FLAGS ?=
## hold speed and memory against their targets: runs/bench.json and the tables of tests/bench/README.md
bench: $(ENV)
	@env -u OMP_NUM_THREADS $(PYTHON) tests/bench/bench.py $(BENCH) $(BENCH_FLAGS)
## ruff and shellcheck
check: $(ENV)
	@.venv/bin/ruff check . && .venv/bin/shellcheck scripts/*.sh scripts/*/*.sh .ci/run
## train the demo's stand-in models anew, into py/world/weights
standins: $(ENV)
	@$(PYTHON) py/world/make_standins.py --output py/world/weights
## resolve env/requirements.in into the lock file anew
lock: $(ENV)
	@cd env && ../.venv/bin/uv pip compile -q --upgrade requirements.in --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--generate-hashes --no-annotate --custom-compile-command 'make lock' -o requirements.lock
## forget the synthesised data of EXP; what follows runs again only if the new data differ (make -n clean-synth: only list)
clean-synth:
	+@$(CLEAN) $(addprefix $(SYNTH)/,$(OUTPUTS.synth) synth.log $(foreach m,made stat out log,.make/synth.$m)) \
		$(addprefix $(RUN)/,$(OUTPUTS.convert) $(foreach m,made stat out log,.make/convert.$m))
## forget the experiment EXP (make -n clean-run: only list)
clean-run:
	+@$(CLEAN) $(EXPS:%=$(RUNS)/%)
## remove what killed runs left: files and checkpoints that nothing goes on from (make -n clean-leftovers: only list)
clean-leftovers:
	+@$(CLEAN) --leftovers $(RUNS) $(DATA) $(MODELS) $(FEATURE_CACHE)
## forget everything that was built, downloads and .venv included (make -n distclean: only list)
distclean:
	+@$(CLEAN) data models runs .venv
CLEAN = $(PY) py/graph/clean.py $(if $(dry_run),--dry_run)
## this text
help:
	@awk -f scripts/help.awk Makefile configs/$(PROFILE).mk

.PHONY: env models data synth pretrain finetune eval results baseline text-only sweep leaderboard report compare table test torture bench check standins lock \
	submission submission-offline check-submission clean-synth clean-run clean-leftovers distclean help estimate plan why doctor verify-data check-data du store synth-report
