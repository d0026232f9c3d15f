# Two commands for a fresh machine: `make demo` and `make test`. Both set up .venv first.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PACKAGES := packages/core backends/numpy packages/vision packages/audio packages/text
EDITABLE := $(foreach p,$(PACKAGES),-e $(p))
# Test files are shared out to as many processes, in the order that one has.
PROCESSES ?= 2
PYTEST := $(PY) -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

.PHONY: openvino wgpu demo test opencl opencl-all cuda test-gpu parity training wheels-test lint types stubs docs bench bench-check wheels clean

demo: $(VENV)/demo
	$(PY) examples/digits.py --output demo-output

test: $(VENV)/test
	$(PYTEST) -m "not parity and not training and not wheels and not opencl and not cuda"

# The OpenCL device on PoCL, and its kernels under oclgrind where that is installed. `make opencl-all` adds each op's
# second gradients and smaller dtypes, which take a quarter of an hour where no kernel is built yet.
opencl: $(VENV)/opencl
	$(PYTEST) -m opencl tests/backends/opencl -k "not second_gradients and not smaller_dtypes"
opencl-all: $(VENV)/opencl
	$(PYTEST) -m opencl tests/backends/opencl

# The CUDA device where there is no GPU: over NumPy in CuPy's place, its kernels compiled by g++ and by NVRTC.
# It downloads CuPy and NVRTC, 130 MB. `make test-gpu` is for a machine with a GPU: tests and a benchmark.
cuda: $(VENV)/cuda
	$(PYTEST) -m cuda tests/backends/cupy
test-gpu: $(VENV)/gpu
	$(PY) benchmarks/gpu.py --output gpu-results

# The third-party device over WebGPU: needs a Vulkan driver, on Debian mesa-vulkan-drivers and libvulkan1.
wgpu: $(VENV)/wgpu
	PYTHONPATH=$(VENV)/wgpu $(PY) -m pytest -k "not TestWgpu" examples/backends/wgpu/tests
	PYTHONPATH=$(VENV)/wgpu FACULA_STRICT=1 $(PY) -m pytest --facula-backend=wgpu -m facula_required

# The third-party compiler over OpenVINO, 60 MB to download.
openvino: $(VENV)/openvino
	PYTHONPATH=$(VENV)/openvino $(PY) -m pytest examples/compilers/openvino/tests

# Comparison with PyTorch, training references, wheels: what .ci/run adds to `make test`.
parity: $(VENV)/parity
	$(PYTEST) -m parity
training: $(VENV)/test
	$(PY) -m pytest -m training
wheels-test: $(VENV)/test
	$(PY) -m pytest -m wheels

lint: $(VENV)/lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
types: $(VENV)/lint
	$(VENV)/bin/mypy
stubs: $(VENV)/base
	$(PY) tools/make_stubs.py
docs: $(VENV)/docs
	$(VENV)/bin/sphinx-build -E -W --keep-going -b html docs docs/_build/html

# Beside PyTorch, JAX and tinygrad, on a quiet machine; `python benchmarks/run.py NAME ...` does parts of it. `bench-check` compares
# ratios of a short run with benchmarks/results.json; CI doesn't run it, since others' load there decides about ratios.
bench: $(VENV)/bench $(VENV)/opencl
	$(PY) benchmarks/run.py --peers facula,torch,facula-compiled,torch-compiled,jax,tinygrad
bench-check: $(VENV)/parity
	$(PY) benchmarks/check.py

# The umbrella `facula`, its core, its devices and the domain packages, into dist/.
wheels: $(VENV)/base
	$(PY) -m pip wheel -q --no-deps --no-build-isolation -w dist . $(PACKAGES) backends/native backends/cupy backends/opencl

$(VENV)/base: pyproject.toml constraints.txt $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Facula needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version`. Try: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q -U "pip>=25.1"
	$(PY) -m pip install -q -c constraints.txt hatchling editables
	$(PY) -m pip install -q -c constraints.txt --no-build-isolation $(EDITABLE)
	@touch $@

$(VENV)/demo: $(VENV)/base
	$(PY) -m pip install -q -c constraints.txt --group demo
	@touch $@
$(VENV)/test: $(VENV)/demo backends/native/pyproject.toml
	$(PY) -m pip install -q -c constraints.txt --group test
	$(PY) -m pip install -q --no-deps --no-build-isolation -e backends/native
	@touch $@
$(VENV)/opencl: $(VENV)/test backends/opencl/pyproject.toml
	$(PY) -m pip install -q -c constraints.txt "pyopencl[pocl]"
	$(PY) -m pip install -q --no-deps --no-build-isolation -e backends/opencl
	@touch $@
$(VENV)/cuda: $(VENV)/test backends/cupy/pyproject.toml
	$(PY) -m pip install -q -c constraints.txt cupy-cuda13x nvidia-cuda-nvrtc
	$(PY) -m pip install -q --no-deps --no-build-isolation -e backends/cupy
	@touch $@
# CUDA's libraries from wheels, 1 GB. CUPY=cupy-cuda12x for drivers that know CUDA 12 only.
CUPY ?= cupy-cuda13x
$(VENV)/gpu: $(VENV)/test backends/cupy/pyproject.toml
	$(PY) -m pip install -q -c constraints.txt "$(CUPY)[ctk]"
	$(PY) -m pip install -q --no-deps --no-build-isolation -e backends/cupy
	@touch $@
# Beside the environment, whose tests count its devices.
$(VENV)/wgpu: $(VENV)/test examples/backends/wgpu/pyproject.toml $(wildcard examples/backends/wgpu/src/wgpu_device/*)
	rm -rf $@
	$(PY) -m pip install -q -c constraints.txt --no-build-isolation --no-deps --target $@ \
	  wgpu rendercanvas cffi pycparser ./examples/backends/wgpu
	@touch $@
$(VENV)/openvino: $(VENV)/test examples/compilers/openvino/pyproject.toml $(wildcard examples/compilers/openvino/src/openvino_compiler/*)
	rm -rf $@
	$(PY) -m pip install -q -c constraints.txt --no-build-isolation --no-deps --target $@ openvino ./examples/compilers/openvino
	@touch $@
$(VENV)/lint: $(VENV)/base
	$(PY) -m pip install -q -c constraints.txt --group lint
	@touch $@
$(VENV)/docs: $(VENV)/test
	$(PY) -m pip install -q -c constraints.txt --group docs
	@touch $@
$(VENV)/parity: $(VENV)/test
	$(PY) -m pip install -q -c constraints.txt --group parity
	@touch $@
$(VENV)/bench: $(VENV)/parity
	$(PY) -m pip install -q -c constraints.txt --group bench
	@touch $@

clean:
	rm -rf $(VENV) dist docs/_build demo-output gpu-results
