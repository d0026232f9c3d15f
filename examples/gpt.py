"""Trains a small GPT on real text (quotations of the Debian package `fortunes`) and lets it write.

sudo apt-get install fortunes        # or: python examples/gpt.py --text FILE
python examples/gpt.py
"""

import argparse
import math
import time
from pathlib import Path

import facula
import facula.nn.functional as F
from facula import optim
from facula.utils.data import DataLoader
from facula_text import BPETokenizer, CharTokenizer, TokenDataset, corpora
from facula_text.models import GPT, GPTConfig


def batches(loader):
    while True:
        yield from loader


@facula.no_grad()
def bits_per_character(model, data, characters_per_token):
    """Mean cross entropy on held-out text, per character, in bits."""
    model.eval()
    losses = [
        F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item() for x, y in DataLoader(data, 32)
    ]
    model.train()
    return sum(losses) / len(losses) / math.log(2) / characters_per_token


def train(text, steps=600, context=64, width=96, layers=3, bpe=0, seed=0, report=print):
    """Trains on the first nine tenths of a text; returns model, tokenizer and held-out bits per character."""
    facula.manual_seed(seed)
    split = len(text) * 9 // 10
    tokenizer = BPETokenizer.train([text[:split]], bpe) if bpe else CharTokenizer(text)
    tokens = tokenizer.encode(text[:split])
    held_out = tokenizer.encode(text[split:])
    per_token = (len(text) - split) / len(held_out)
    test = TokenDataset(held_out[: 200 * context], context)
    model = GPT(GPTConfig(tokenizer.vocab_size, context, layers, 4, width))
    loader = DataLoader(
        TokenDataset(tokens, context, stride=context // 2), 32, shuffle=True, drop_last=True
    )
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.99), weight_decay=0.1)
    schedule = optim.lr_scheduler.OneCycleLR(
        optimizer, 3e-3, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    start = time.perf_counter()
    for step, (x, y) in zip(range(steps), batches(loader)):
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        facula.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            report(f"step {step + 1}: loss {loss.item():.3f}, {time.perf_counter() - start:.0f} s")
    return model, tokenizer, bits_per_character(model, test, per_token)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", type=Path, help="a text file to learn in place of the fortunes")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument(
        "--bpe", type=int, default=0, metavar="N", help="use a byte-pair encoding of N tokens"
    )
    options = parser.parse_args()
    try:
        text = options.text.read_text() if options.text else corpora.fortunes()
    except OSError as error:
        raise SystemExit(str(error)) from None
    model, tokenizer, bits = train(text, options.steps, bpe=options.bpe)
    print(f"held-out text: {bits:.2f} bits per character")
    start = facula.tensor([tokenizer.encode("The ")])
    print(tokenizer.decode(model.generate(start, 300, temperature=0.8, top_k=20)[0].tolist()))


if __name__ == "__main__":
    main()
