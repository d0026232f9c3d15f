"""Facula on any library that follows the array API standard."""
