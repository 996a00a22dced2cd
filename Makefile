# Everything is built in release mode: numeric code is 10 to 170 times slower without optimization.

PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift

# The program links Swift's runtime statically, so that it runs without the toolchain. Tests cannot, and sharing a build
# folder between the two would recompile everything each time the linkage changes.
PROGRAM_BUILD := .build-static
PROGRAM := $(PROGRAM_BUILD)/release/restore
SOURCES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Fuzz/Package.swift Fuzz/Sources

# The benchmark is a separate package, and its peers live in a separate virtual environment.
BENCH_BUILD := .build-bench
BENCH_PYTHON := .venv-bench
# Only rows whose name matches this regular expression.
ONLY ?=

# Seconds per fuzz target.
TIME ?= 60

.PHONY: build deps demo test help-texts fuzz sanitize faults bench lint format install uninstall clean help

build: deps ## build the program
	$(SWIFT) build -c release --product restore --static-swift-stdlib --scratch-path $(PROGRAM_BUILD)

deps: ## install missing Debian packages
	@scripts/install-dependencies.sh

demo: build ## denoise a sample photograph and print the PSNR before and after
	@scripts/demo.sh $(PROGRAM) .build-demo

test: deps ## run every test
	$(SWIFT) build -c release --build-tests
	$(SWIFT) test -c release --skip-build
	# The engine again, with the kernels for older processors.
	for kernels in generic avx2; do \
		RESTORE_KERNELS=$$kernels $(SWIFT) test -c release --skip-build --filter RestoreNNTests || exit 1; \
	done

# In the tests' build folder: whoever changes a help text has run them.
help-texts: deps ## write the help texts that the tests compare to Fixtures/help
	$(SWIFT) build -c release --product restore
	@scripts/help-texts.sh .build/release/restore

fuzz: deps ## fuzz every parser, TIME=60 seconds each; TARGETS='png yaml' selects some
	@Fuzz/run.sh $(TIME) $(TARGETS)

sanitize: deps ## run the tests under AddressSanitizer and under ThreadSanitizer
	@scripts/sanitize.sh

faults: build ## inject a fault at every system call of denoise; needs strace
	@python3 scripts/faults.py $(PROGRAM) Fixtures/images/formats/rgb8.png

bench: build ## compare the speed with ONNX Runtime, OpenVINO, PyTorch and ncnn; ONLY=regex selects rows
	$(SWIFT) build -c release --package-path Benchmarks --scratch-path $(BENCH_BUILD)
	@python3 Benchmarks/environment.py $(BENCH_PYTHON)
	@$(BENCH_PYTHON)/bin/python Benchmarks/bench.py --server $(BENCH_BUILD)/release/restore-bench \
		--restore $(PROGRAM) --output bench.json --only '$(ONLY)'

lint: ## check the formatting of the sources
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

format: ## format the sources
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

install: build ## install the program and its models under PREFIX
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -s -m 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/restore"
	for model in Models/*/; do \
		name=$$(basename "$$model"); \
		install -d "$(DESTDIR)$(PREFIX)/share/restore/models/$$name" && \
		install -m 644 "$$model"model.safetensors "$$model"README.md \
			"$(DESTDIR)$(PREFIX)/share/restore/models/$$name/" || exit 1; \
	done

uninstall: ## remove what install installed
	rm -f "$(DESTDIR)$(PREFIX)/bin/restore"
	for model in Models/*/; do \
		rm -rf "$(DESTDIR)$(PREFIX)/share/restore/models/$$(basename "$$model")"; \
	done

clean: ## remove all build output
	rm -rf .build .build-static .build-demo .build-fuzz .build-address .build-thread $(BENCH_BUILD)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18
