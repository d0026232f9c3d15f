"""A character model: Embedding, LSTM over packed sequences, hidden state carried and detached."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


class CharLSTM(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.hidden = hidden
        self.emb = nn.Embedding(vocab, 8, padding_idx=0)
        self.lstm = nn.LSTM(
            8, hidden, num_layers=2, batch_first=True, dropout=0.0, bidirectional=True
        )
        self.fc = nn.Linear(2 * hidden, vocab)

    def forward(self, x, lengths, state=None):
        packed = pack_padded_sequence(
            self.emb(x), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        out, (h, c) = self.lstm(packed, state)
        out, _ = pad_packed_sequence(out, batch_first=True)
        return self.fc(out), (h, c)

    def init_hidden(self, n):
        weight = next(self.parameters())
        return (weight.new_zeros(4, n, self.hidden), weight.new(4, n, self.hidden).zero_())


def main(same_weights):
    text = ["hello world", "facula", "little torch"]
    chars = sorted(set("".join(text)))
    index = {ch: i + 1 for i, ch in enumerate(chars)}
    sequences = [torch.LongTensor([index[ch] for ch in line]) for line in text]
    lengths = torch.tensor([len(s) for s in sequences])
    batch = pad_sequence(sequences, batch_first=True)
    model = same_weights(CharLSTM(len(chars) + 1, 6))
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
    state, losses = model.init_hidden(3), []
    for _ in range(3):
        state = tuple(s.detach() for s in state)
        optimizer.zero_grad()
        logits, state = model(batch[:, :-1], lengths - 1, state)
        loss = criterion(logits.reshape(-1, logits.shape[-1]), batch[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    probs = torch.softmax(logits[0, -1] / 0.8, dim=-1)
    return losses + [probs, state[0], model.emb.weight.grad[0]]
