"""Captured graphs as OpenVINO models."""
