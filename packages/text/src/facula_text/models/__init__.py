"""Language models."""

from facula_text.models.gpt import GPT, Block, CausalSelfAttention, GPTConfig

__all__ = ["GPT", "Block", "CausalSelfAttention", "GPTConfig"]
