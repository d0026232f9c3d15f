"""Faster kernels for the `cpu` device, over the same NumPy arrays.

They are C, compiled at the first large array with the machine's compiler and kept on disk, and run on the threads that
`facula.set_num_threads` sets. Small arrays stay with NumPy. `FACULA_NATIVE=0` in the environment leaves them out.
"""
