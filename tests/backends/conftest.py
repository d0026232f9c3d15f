"""The plug-in's own tests run where it is installed: `test_thirdparty_plugin.py` does that."""

collect_ignore = ["thirdparty_plugin", "contracts"]
