"""The cpu device without facula-native's kernels, to compare with; it says that it holds no float64, so that all is drawn in float32."""

from facula.backends.base import DTYPES
from facula_numpy.backend import NumpyBackend


class PlainBackend(NumpyBackend):
    dtypes = DTYPES - {"float64", "complex128"}

    def refuse_missing_dtypes(self):
        """It does hold them: some gradients are worked out in float64."""

    def _checking_dtype(self, op, kernel):
        return kernel
