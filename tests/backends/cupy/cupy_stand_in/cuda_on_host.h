// CUDA C on the CPU: blocks one after another, the threads of a block as fibers that change places at
// barriers and shuffles. What it cannot do: dynamic shared memory declared as extern, PTX, textures, races.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <ucontext.h>
#include <vector>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

struct dim3 { unsigned x, y, z; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;
static const int warpSize = 32;

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)
// One block runs at a time, so the memory that its threads share may be static.
#define __shared__ static

namespace on_host {
struct Fiber {
  ucontext_t context;
  std::vector<char> stack;
  bool ended;
  dim3 index;
  void *fake_stack = nullptr;
};
static ucontext_t scheduler;
static std::vector<Fiber> fibers;
static Fiber *running = nullptr;
static std::function<void()> body;
static const size_t stack_bytes = 128 * 1024;
static uint64_t exchange[1024];
static const void *host_stack = nullptr;
static size_t host_stack_bytes = 0;

static void to_scheduler(bool ends) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(ends ? nullptr : &running->fake_stack, host_stack, host_stack_bytes);
#endif
  Fiber *self = running;
  swapcontext(&self->context, &scheduler);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(self->fake_stack, &host_stack, &host_stack_bytes);
#endif
  threadIdx = self->index;
}

static void entry() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &host_stack, &host_stack_bytes);
#endif
  threadIdx = running->index;
  body();
  running->ended = true;
  to_scheduler(true);
}

static void resume(Fiber &fiber) {
  running = &fiber;
#ifdef __SANITIZE_ADDRESS__
  void *mine = nullptr;
  __sanitizer_start_switch_fiber(&mine, fiber.stack.data(), fiber.stack.size());
#endif
  swapcontext(&scheduler, &fiber.context);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(mine, nullptr, nullptr);
#endif
  running = nullptr;
}

static void run_block_with_barriers() {
  unsigned count = blockDim.x * blockDim.y * blockDim.z;
  fibers.resize(count);
  for (unsigned t = 0; t < count; ++t) {
    Fiber &fiber = fibers[t];
    fiber.stack.resize(stack_bytes);
    fiber.ended = false;
    fiber.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)};
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = fiber.stack.size();
    fiber.context.uc_link = &scheduler;
    makecontext(&fiber.context, entry, 0);
  }
  for (unsigned ended = 0; ended < count;) {
    ended = 0;
    for (unsigned t = 0; t < count; ++t) {
      if (!fibers[t].ended) resume(fibers[t]);
      ended += fibers[t].ended;
    }
    if (ended != 0 && ended != count) {
      fprintf(stderr, "a barrier was reached by %u of %u threads only\n", count - ended, count);
      abort();
    }
  }
}

static void run_block_without() {
  for (threadIdx.z = 0; threadIdx.z < blockDim.z; ++threadIdx.z)
    for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
      for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) body();
}

static void run(const unsigned *grid, const unsigned *block, bool barriers, std::function<void()> kernel) {
  gridDim = {grid[0], grid[1], grid[2]};
  blockDim = {block[0], block[1], block[2]};
  body = kernel;
  for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
      for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
        barriers ? run_block_with_barriers() : run_block_without();
}

static unsigned lane() {
  return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
}

// All threads of the block take part: more than CUDA asks for, so divergent shuffles are caught.
template <class T> static T shuffle(T value, unsigned source) {
  static_assert(sizeof(T) <= 8, "shuffles move up to 8 bytes");
  unsigned self = lane();
  memcpy(&exchange[self], &value, sizeof(T));
  to_scheduler(false);
  T out;
  unsigned count = blockDim.x * blockDim.y * blockDim.z;
  memcpy(&out, &exchange[source < count ? source : self], sizeof(T));
  to_scheduler(false);
  return out;
}
}  // namespace on_host

static inline void __syncthreads() { on_host::to_scheduler(false); }
static inline void __syncwarp(unsigned = 0xffffffffu) { on_host::to_scheduler(false); }
static inline void __threadfence() {}
template <class T> static T __shfl_down_sync(unsigned, T value, unsigned by, int = 32) {
  unsigned self = on_host::lane(), at = self % 32 + by;
  return on_host::shuffle(value, at < 32 ? self + by : self);
}
template <class T> static T __shfl_xor_sync(unsigned, T value, int mask, int = 32) {
  return on_host::shuffle(value, on_host::lane() ^ (unsigned)mask);
}
template <class T> static T __shfl_sync(unsigned, T value, int source, int = 32) {
  return on_host::shuffle(value, on_host::lane() / 32 * 32 + (unsigned)source);
}

template <class T> static T atomicAdd(T *at, T value) { T old = *at; *at = old + value; return old; }
template <class T> static T atomicMax(T *at, T value) { T old = *at; if (value > old) *at = value; return old; }
template <class T> static T atomicMin(T *at, T value) { T old = *at; if (value < old) *at = value; return old; }
template <class T> static T atomicExch(T *at, T value) { T old = *at; *at = value; return old; }
template <class T> static T atomicOr(T *at, T value) { T old = *at; *at = old | value; return old; }
template <class T> static T atomicCAS(T *at, T expected, T value) {
  T old = *at;
  if (old == expected) *at = value;
  return old;
}

template <class To, class From> static To bits_as(From value) {
  static_assert(sizeof(To) == sizeof(From), "same size");
  To out;
  memcpy(&out, &value, sizeof(out));
  return out;
}
static inline int __float_as_int(float x) { return bits_as<int>(x); }
static inline unsigned __float_as_uint(float x) { return bits_as<unsigned>(x); }
static inline float __int_as_float(int x) { return bits_as<float>(x); }
static inline float __uint_as_float(unsigned x) { return bits_as<float>(x); }
static inline long long __double_as_longlong(double x) { return bits_as<long long>(x); }
static inline double __longlong_as_double(long long x) { return bits_as<double>(x); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __frcp_rn(float a) { return 1.0f / a; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsqrt_rn(double a) { return sqrt(a); }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline float rsqrtf(float a) { return 1.0f / sqrtf(a); }
static inline double rsqrt(double a) { return 1.0 / sqrt(a); }
