# A thin front of meson.
#
#   make            build into build/
#   make demo       install packages, build, run the batch walk-through
#   make check      install packages, build, run all tests (under ten minutes)
#   make check SAN=address|thread
#   make check-all  all tests there are: scripts/check-all
#   make bench      the table of budgets
#   make fuzz       run each fuzz target for a while (FUZZ_SECONDS=20)
#   make install PREFIX=/usr/local

PREFIX ?= /usr/local
SAN ?=
BUILD := build$(if $(SAN),-$(SAN))
FUZZ_SECONDS ?= 20

.PHONY: all deps deps-all demo check check-all bench fuzz run-fuzz install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

deps:
	@scripts/install-deps

deps-all:
	@scripts/install-deps --all

# 'none' is meson's own word for no sanitizer.  gcc's warnings are not to be trusted in
# instrumented code, so they are errors only without.
$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) --prefix=$(PREFIX) $(if $(SAN),-Dwerror=false) \
	    -Db_sanitize=$(if $(filter address,$(SAN)),address$(comma)undefined,$(or $(SAN),none)) \
	    >meson.log 2>&1 || { tail -n 20 meson.log; exit 1; }; rm -f meson.log

comma := ,

demo: deps all
	@scripts/demo $(BUILD)

check: deps all
	@scripts/run-tests $(BUILD)

check-all: deps-all
	@scripts/check-all

bench: deps all
	@scripts/bench $(BUILD)

# with the address sanitizer, unless another build is asked for
fuzz:
	@$(MAKE) --no-print-directory SAN=$(or $(SAN),address) run-fuzz

run-fuzz: deps all
	@scripts/run-fuzz $(BUILD) $(FUZZ_SECONDS)

install: all
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@meson install -C $(BUILD) --quiet

clean:
	@rm -rf $(BUILD)
