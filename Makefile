# The few commands there are.  URL=redis://host:port shows the demo on a server of yours.
URL ?= memory://
export VIRTUAL_ENV := $(CURDIR)/build/venv
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)

.PHONY: demo test check-long simulation model differential fuzz linearizability soak bench faults abi docs clean

demo:
	@tools/setup demo
	@tools/build build/release -DCMAKE_BUILD_TYPE=Release
	@tools/install_python
	build/release/resilicache demo '$(URL)'
	examples/run '$(URL)'

test:
	@tools/setup test
	@tests/run

# What takes hours, or as long as one likes; a part of it alone is a target of its own.
check-long: simulation model differential fuzz linearizability soak

simulation:
	@tools/setup test
	@tools/build build/long -DCMAKE_BUILD_TYPE=Release -DRCACHE_BUILD_TESTS=ON
	build/long/tests/simulation --seed 1 --runs 1000000

model:
	@tools/setup test
	@tools/build build/long -DCMAKE_BUILD_TYPE=Release -DRCACHE_BUILD_TESTS=ON
	build/long/tests/model --long

differential:
	@tools/setup test
	@tools/build build/long -DCMAKE_BUILD_TYPE=Release -DRCACHE_BUILD_TESTS=ON
	programs=$$(python tests/servers/programs.py) && eval "$$programs" && \
	    RCACHE_TEST_SEED=$$(od -An -N7 -tu8 /dev/urandom | tr -d ' ') RCACHE_TEST_STEPS=500000 build/long/tests/differential_verbs

fuzz:
	@tools/setup long
	tests/fuzz/run 600

linearizability:
	@tools/setup test
	@tools/build build/release -DCMAKE_BUILD_TYPE=Release
	@tools/install_python
	RCACHE_TEST_CALLS=100000 python -m pytest -q -s tests/linearizability

soak:
	@tools/setup test
	@tools/build build/release -DCMAKE_BUILD_TYPE=Release
	@tools/install_python
	python tests/soak --seconds 3600

# Ours and the peers, in turns: docs/benchmarks.md.  QUICK=1: an impression, in minutes.
bench:
	@tools/setup bench
	@tools/install_python
	python bench $(if $(QUICK),--quick)

# The same faults for ours and the peers: docs/faults.md, in some minutes.
faults:
	@tools/setup bench
	@tools/install_python
	python bench/faults

# The ABI as it is now becomes the one that later ones are compared with.
abi:
	@tools/setup test
	@tools/build build/debug -DCMAKE_BUILD_TYPE=Debug -DRCACHE_BUILD_TESTS=ON -DRCACHE_WERROR=ON
	python tools/abi.py build/debug/libresilicache.so

docs:
	@tools/setup demo
	@tools/build build/release -DCMAKE_BUILD_TYPE=Release
	python tools/options_table.py build/release/libresilicache.so
	python tools/cdef.py --lua core/include/resilicache.h >bindings/lua/lib/resty/resilicache/cdef.lua

clean:
	rm -rf build
