# Everything is built in release: numeric code is 10 to 170 times slower without optimization.

PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift

# The program is linked with Swift's runtime inside, so that it runs where no toolchain is. Tests cannot be, and building
# both in one folder would compile everything anew at each change between them.
PROGRAM_BUILD := .build-static
PROGRAM := $(PROGRAM_BUILD)/release/restore
SOURCES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Fuzz/Package.swift Fuzz/Sources

# The benchmark is a package of its own, and its peers live in a virtual environment of their own.
BENCH_BUILD := .build-bench
BENCH_PYTHON := .venv-bench
# Only rows whose name has a match of this regular expression.
ONLY ?=

# Seconds a fuzz target.
TIME ?= 60

.PHONY: build deps demo test fuzz sanitize faults bench lint format install uninstall clean help

build: deps ## the program
	$(SWIFT) build -c release --product restore --static-swift-stdlib --scratch-path $(PROGRAM_BUILD)

deps: ## the Debian packages that are missing
	@scripts/install-dependencies.sh

demo: build ## denoises a photograph and says how much it helped
	@scripts/demo.sh $(PROGRAM) .build-demo

test: deps ## every test
	$(SWIFT) build -c release --build-tests
	$(SWIFT) test -c release --skip-build
	# The engine with the kernels of lesser processors, too.
	for kernels in generic avx2; do \
		RESTORE_KERNELS=$$kernels $(SWIFT) test -c release --skip-build --filter RestoreNNTests || exit 1; \
	done

fuzz: deps ## every parser on inputs that a fuzzer makes, TIME=60 seconds each; TARGETS='png yaml' for some
	@Fuzz/run.sh $(TIME) $(TARGETS)

sanitize: deps ## the tests under AddressSanitizer and under ThreadSanitizer
	@scripts/sanitize.sh

faults: build ## a fault of the system at every system call of denoise; needs strace
	@python3 scripts/faults.py $(PROGRAM) Fixtures/images/formats/rgb8.png

bench: build ## the speed beside ONNX Runtime, OpenVINO, PyTorch and ncnn; ONLY=regex for a part
	$(SWIFT) build -c release --package-path Benchmarks --scratch-path $(BENCH_BUILD)
	@python3 Benchmarks/environment.py $(BENCH_PYTHON)
	@$(BENCH_PYTHON)/bin/python Benchmarks/bench.py --server $(BENCH_BUILD)/release/restore-bench \
		--restore $(PROGRAM) --output bench.json --only '$(ONLY)'

lint: ## the format of the sources
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

format: ## brings the sources into that format
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

install: build ## the program and its models, below PREFIX
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -s -m 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/restore"
	for model in Models/*/; do \
		name=$$(basename "$$model"); \
		install -d "$(DESTDIR)$(PREFIX)/share/restore/models/$$name" && \
		install -m 644 "$$model"model.safetensors "$$model"README.md \
			"$(DESTDIR)$(PREFIX)/share/restore/models/$$name/" || exit 1; \
	done

uninstall: ## what install has put there
	rm -f "$(DESTDIR)$(PREFIX)/bin/restore"
	for model in Models/*/; do \
		rm -rf "$(DESTDIR)$(PREFIX)/share/restore/models/$$(basename "$$model")"; \
	done

clean: ## what was built
	rm -rf .build .build-static .build-demo .build-fuzz .build-address .build-thread $(BENCH_BUILD)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18
