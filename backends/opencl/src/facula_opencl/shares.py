"""Which work-group a thread of a CPU-type device does: the same part of an array each time, while it is in that core's cache.

OpenCL hands out work-groups in the order in which threads ask, so a part that one core has just written is read by
another in the next launch. Here a group does not do the part of its number: it takes the next part of the share that
belongs to its thread, and another thread's only where that is done. Work-groups and shares are counted in `shares`,
memory of the device; a thread is known by where its variables are. Wrong guesses cost time only: each part is taken
once, whoever takes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyopencl as cl

from facula.graph.codegen import Dialect, Parameter, Program

#: Words between counters that different threads write: these share no line of a cache, nor neighbouring ones, which
#: processors fetch together.
STRIDE = 64
#: Variables of one thread are within this many bytes of each other, those of two threads are not.
NEAR = 1 << 18

PARAMETER = Parameter("shares", "shares", np.dtype(np.uint32), "uint", True)

#: `shares`: threads, finished shares; then the threads' addresses; then what is taken of each share.
TEXT = f"""
#define SHARES __global uint *shares
#define TAKEN(share) ((volatile __global uint *)shares + {STRIDE} * (2 + threads / {STRIDE} + (share)))

// The number of the thread, by the address of a variable of it, in units of {NEAR} bytes; the last one for all others.
static inline int thread_number(__global uint *shares, int threads) {{
  int variable;
  const uint here = (uint)((ulong)&variable / {NEAR}) | 1u;
  int thread = 0;
  for (; thread < threads - 1; ++thread) {{
    volatile __global uint *owner = (volatile __global uint *)shares + {STRIDE} + thread;
    uint found = *owner;  // set once, and for good: an atomic reading would take the line from the other cores
    if (!found) found = atomic_cmpxchg(owner, 0u, here);
    if (!found || found - here + 2u < 5u) break;
  }}
  return thread;
}}

// The part that this work-group does, of as many as there are groups.
static inline int next_part(__global uint *shares, int parts) {{
  const int threads = shares[0], group = get_group_id(0) + get_num_groups(0) * (get_group_id(1) + get_num_groups(1) * get_group_id(2));
  if (parts < 2 * threads) return group;
  const int thread = thread_number(shares, threads);
  for (int turn = 0; turn < threads; ++turn) {{
    const int share = (thread + turn) % threads, begin = (long)parts * share / threads;
    const uint size = (long)parts * (share + 1) / threads - begin;
    const uint taken = atomic_inc(TAKEN(share));
    if (taken >= size) continue;
    if (taken == size - 1 && atomic_inc((volatile __global uint *)shares + 1) == threads - 1) {{
      // All parts are taken, so no group looks at the counters any more: they begin anew.
      for (int i = 0; i < threads; ++i) atomic_xchg(TAKEN(i), 0u);
      atomic_xchg((volatile __global uint *)shares + 1, 0u);
    }}
    return begin + taken;
  }}
  return group;  // never: there are as many parts as groups
}}

static inline int3 place_of(__global uint *shares) {{
  const int width = get_num_groups(0), height = get_num_groups(1);
  const int part = next_part(shares, width * height * get_num_groups(2));
  return (int3)(part % width, part / width % height, part / width / height);
}}
#undef PLACE
#define PLACE(d) place.s##d
#define GROUP next_part(shares, get_num_groups(0))
"""
#: For devices whose work-groups have many work-items.
NO_SHARES = """
#define SHARES __global uint *shares
#define GROUP get_group_id(0)
"""


def with_shares(dialect: Dialect) -> Dialect:
    """The dialect for kernels of CPU-type devices that `shared` changed."""
    return replace(dialect, header=dialect.header + TEXT)


def shared(program: Program) -> Program:
    """A printed kernel whose work-groups of one work-item take their parts by shares."""
    return program.extended(PARAMETER, "const int3 place = place_of(shares);")


def memory(queue: Any, threads: int = 0) -> Any:
    """What `shares` points to, for as many threads as the device has units."""
    threads = threads or queue.device.max_compute_units
    words = np.zeros(STRIDE * (2 + threads // STRIDE + threads), np.uint32)
    words[0] = threads
    flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
    return cl.Buffer(queue.context, flags, hostbuf=words)
