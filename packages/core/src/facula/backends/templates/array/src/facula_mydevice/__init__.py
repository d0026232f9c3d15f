"""The device 'mydevice' for Facula."""
