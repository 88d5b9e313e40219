# Every target sets up what it needs; an unchanged set-up costs nothing.
WINDOWS := $(filter Windows_NT,$(OS))
PYTHON ?= $(if $(WINDOWS),python,python3)
HOST ?=
FRONTEND ?=
PROGRAMS := $(if $(HOST),.venv-host,.venv)/$(if $(WINDOWS),Scripts,bin)
MODULE := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/.import $(PROGRAMS)/python -m collaborative_score_distillation

IMAGE ?=
PROMPT ?=
SIZE ?=
NAMES ?=
FILES ?=
QUICK ?=
PANORAMAS ?= 8
CLIPS ?= 1
VIEW_SETS ?= 1
SCENES ?= 1
KIND ?= video
MODEL ?= sharp
FIRST = $(if $(filter first,$(MODEL)),-first)
VIDEO ?=
SETS ?= 2
FULL ?=
PARTS ?= coupling step quality_cost length memory evaluations
NODES ?=
LARGE ?= 1.5 SDXL medium
ARGS ?=
COVERAGE ?= 1
WORKERS ?= 2
MEASURED := $(filter-out 0,$(COVERAGE))
export HOST FRONTEND IMAGE PROMPT SIZE VIDEO FILES QUICK FULL

.DEFAULT_GOAL := help
.PHONY: help env browser example demo demo-video demo-views demo-scene demo-text-to-3d demo-text-to-3d-table demo-from-text ablation serve test golden campaign test-large demo-quality demo-styles demo-evenness demo-long-range bench demo-model templates cards help-pictures families lint

help:  ## what there is
	@sed -n 's/^\([a-z0-9-]*\):.*##/make \1:/p' $(firstword $(MAKEFILE_LIST))

env:  ## the set-up alone: virtual environment, ComfyUI, links
	@$(PYTHON) dev/environment/env.py $(if $(HOST),--host "$$HOST")

browser:
	@$(PYTHON) dev/environment/env.py --browser $(if $(HOST),--host "$$HOST")

demo: env  ## edit a panorama in ComfyUI and compare: IMAGE= PROMPT= SIZE=
	@$(MODULE).dev.evaluation.demo $(if $(IMAGE),--image "$$IMAGE") $(if $(PROMPT),--prompt "$$PROMPT") $(if $(SIZE),--size "$$SIZE") $(ARGS)

demo-video: env  ## edit a clip and compare, CLIPS=6 for the means; VIDEO= PROMPT= for a file of yours
	@$(MODULE)$(if $(VIDEO),.dev.evaluation.own_video --video "$$VIDEO" $(if $(PROMPT),--prompt "$$PROMPT"),.dev.evaluation.scenes --kind video$(FIRST) --count $(CLIPS)) $(ARGS)

demo-views: env  ## edit a view set and compare, VIEW_SETS=6 for the means
	@$(MODULE).dev.evaluation.scenes --kind views$(FIRST) --count $(VIEW_SETS) $(ARGS)

demo-scene: env  ## edit a scene of splats and compare at held-out cameras: SCENES=6 ARGS="--every-look"; a stopped run goes on
	@$(MODULE).dev.evaluation.scene_edit --count $(SCENES) $(ARGS)

demo-text-to-3d: env  ## a scene of splats from a text by three methods, with a turntable: ARGS="--kind mug --colour blue"
	@$(MODULE).dev.evaluation.text_to_3d $(ARGS)

demo-text-to-3d-table: env  ## the same for three texts and three seeds; goes on where it stopped
	@$(MODULE).dev.evaluation.text_to_3d_table $(ARGS)

demo-from-text: env  ## pictures from text alone, and how far they are from paintings of that look
	@$(MODULE).dev.evaluation.from_text $(ARGS)

demo-styles: env  ## every style on photographs, against the filters that taught it: IMAGES="a.jpg b.jpg"
	@$(MODULE).dev.evaluation.photographs $(IMAGES) $(ARGS)

demo-evenness: env  ## how even edits of photographs are, in three looks: IMAGES="a.jpg b.jpg"
	@$(MODULE).dev.evaluation.evenness $(IMAGES) $(ARGS)

demo-long-range: env  ## edits of canvases many windows wide, chance apart from the model's own error: PANORAMAS=1
	@$(MODULE).dev.evaluation.long_range --count $(if $(filter file,$(origin PANORAMAS)),1,$(PANORAMAS)) $(ARGS)

ablation: env  ## kernel, correspondence and noise field, changed one at a time: KIND=video or views, SETS=2
	@$(MODULE).dev.benchmarks.ablation --kind $(KIND) --count $(SETS) $(ARGS)

serve: env  ## leave ComfyUI running with the extension's templates in it
	@$(MODULE).dev.environment.serve $(ARGS)

test: browser  ## every test, with the real host and the real page: ARGS="-k windows", HOST= for another ComfyUI, FRONTEND= for another page, COVERAGE=0, WORKERS=0
	@status=0; $(if $(filter-out 0,$(WORKERS)),OMP_NUM_THREADS=1 )$(PROGRAMS)/pytest -n $(WORKERS) --dist loadfile $(if $(MEASURED),--cov --cov-report=) $(ARGS) || status=$$?; \
	$(if $(MEASURED),$(MODULE).dev.environment.covered || status=$$?;) exit $$status

golden: env  ## replay golden vectors of the authors' code: FILES="a.npz b.npz"
	@$(MODULE).dev.evaluation.golden $(FILES) $(ARGS)

families: env  ## every family of models with every feature, and docs/families.md
	@CSD_WRITE_FAMILIES=1 $(PROGRAMS)/pytest tests/nodes/families/test_matrix.py $(ARGS)

test-large: env  ## checkpoints of real size through ComfyUI's loaders, one family at a time: 16 GB of memory
	@set -e; for family in $(LARGE); do CSD_LARGE=1 $(PROGRAMS)/pytest tests/nodes/families/test_large.py -k $$family $(ARGS); done

campaign: env  ## hostile graphs, files and faults against the extension, and docs/campaign.md
	@$(MODULE).dev.campaign --page $(ARGS)

demo-quality: env  ## the table of edit quality of a demo model: QUICK=1 for one scene, MODEL=first or sharp
	@$(MODULE).dev.evaluation.scenes --kind panorama$(FIRST) --count $(if $(filter-out 0,$(QUICK)),1,$(PANORAMAS)) $(ARGS)

bench: env  ## speed, memory and quality compared with the authors' method: FULL=1 for everything, PARTS="coupling step"
	@set -e; for part in $(PARTS); do $(MODULE).dev.benchmarks.$$part $(ARGS); done; $(MODULE).dev.benchmarks.report

demo-model: env  ## train the demo model from scratch
	@$(MODULE).dev.training.train $(ARGS)

templates: env  ## write all templates, and the cards of real models
	@$(MODULE).dev.templates.write

help-pictures: env  ## the pictures of the help pages, made with the demo model: NODES="CSDTones CSDKernel" for some
	@$(MODULE).dev.templates.help $(NODES) $(ARGS)

cards: env  ## run the templates with the embedded models, and make their cards: NAMES="panorama_edit"
	@$(MODULE).dev.templates.shown $(NAMES)

example: env  ## edit frames with a diffusers pipeline through csd alone: ARGS="--model NAME --frames FOLDER"
	@$(MODULE).dev.examples.edit_frames $(ARGS)

lint: env  ## style and types
	@$(PROGRAMS)/ruff check .
	@$(PROGRAMS)/pyright
