"""(family in the making)"""
