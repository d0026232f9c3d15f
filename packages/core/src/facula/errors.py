"""What devices raise: for memory that ran out, and for a device that can do no more."""

from __future__ import annotations


class OutOfMemoryError(RuntimeError):
    """A device has too little memory for what was asked. The message gives the sizes, in bytes.

    What was allocated before is untouched: free some (or make the batch smaller) and go on.
    """


class DeviceError(RuntimeError):
    """A device refused a command or was lost. Its tensors may be gone; other devices are as they were."""
