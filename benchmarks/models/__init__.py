"""Networks that are written once and built with `torch` or with `facula`: functions of the library, `lib`."""
