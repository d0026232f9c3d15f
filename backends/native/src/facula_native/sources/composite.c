/* Loops for NumPy's ufuncs over float32, printed from the definitions of composite ops (composite.py). */

#include "composite.h"
