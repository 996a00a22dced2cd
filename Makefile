# Everything is built in release mode: numeric code is 10 to 170 times slower without optimization.

PREFIX ?= /usr/local
DESTDIR ?=
# Where packages are built.
DIST ?= dist
SWIFT ?= swift

# The program links Swift's runtime statically, so that it runs without the toolchain. Tests cannot, and sharing a build
# folder between the two would recompile everything each time the linkage changes.
PROGRAM_BUILD := .build-static
PROGRAM := $(PROGRAM_BUILD)/release/restore
SOURCES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Fuzz/Package.swift Fuzz/Sources \
	Examples/denoise/Package.swift Examples/denoise/Sources

# The benchmark is a separate package, and its peers live in a separate virtual environment.
BENCH_BUILD := .build-bench
BENCH_PYTHON := .venv-bench
# Only rows whose name matches this regular expression.
ONLY ?=

# Seconds per fuzz target.
TIME ?= 60

.PHONY: build deps demo test help-texts fuzz sanitize faults bench lint format install uninstall deb tarball \
	test-packages test-page test-arm examples docs clean help

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

examples: build ## build the example packages and compare what they make with what the program makes
	$(SWIFT) build -c release --package-path Examples/denoise --scratch-path .build-examples
	@scripts/examples.sh .build-examples/release $(PROGRAM)

docs: deps ## write the documentation of the libraries to .build-docs, and check the links of its pages
	$(SWIFT) build -c release
	@scripts/documentation.sh .build/release .build-docs

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

install: build ## install the program, its models, manual pages and completions under PREFIX
	@scripts/install.sh $(PROGRAM) "$(DESTDIR)$(PREFIX)"

uninstall: ## remove what install installed
	@scripts/uninstall.sh "$(DESTDIR)$(PREFIX)"

deb: build ## build a Debian package in dist/, and check it with lintian if that is installed
	@scripts/package-deb.sh $(PROGRAM) $(DIST)
	@if command -v lintian >/dev/null; then lintian --allow-root --fail-on error,warning $(DIST)/restore_*.deb; \
	else echo "lintian is not installed: not checked"; fi

# The run path is only for the archive, so the program is linked once more, and then as before.
tarball: build ## build a relocatable archive in dist/, for systems without Swift
	$(SWIFT) build -c release --product restore --static-swift-stdlib --scratch-path $(PROGRAM_BUILD) \
		-Xlinker -rpath -Xlinker '$$ORIGIN/../lib/restore'
	install -D $(PROGRAM) $(PROGRAM_BUILD)/relocatable/restore
	@scripts/package-tarball.sh $(PROGRAM_BUILD)/relocatable/restore $(DIST)

test-packages: ## run both packages in fresh systems without Swift; needs root and debootstrap
	@scripts/test-packages.sh $(DIST)

test-page: build ## use the page of restore serve in headless Chromium; skipped where that is missing
	@python3 scripts/test-page.py $(PROGRAM)

test-arm: ## test the kernels for ARM in an emulator; skipped where that or the cross compiler is missing
	@scripts/test-arm.sh

clean: ## remove all build output
	rm -rf $(DIST) .build .build-examples .build-docs .build-static .build-demo .build-fuzz .build-address .build-thread $(BENCH_BUILD)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22
