"""Translation with attention: GRU encoder and decoder, teacher forcing, Bahdanau attention, bmm."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SOS = 0


class Encoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, x):
        return self.gru(self.embedding(x))


class Attention(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.Wa, self.Ua, self.Va = (
            nn.Linear(hidden, hidden),
            nn.Linear(hidden, hidden),
            nn.Linear(hidden, 1),
        )

    def forward(self, query, keys, mask):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys))).squeeze(2).unsqueeze(1)
        scores = scores.masked_fill(mask.unsqueeze(1) == 0, float("-inf"))
        weights = F.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class Decoder(nn.Module):
    def __init__(self, hidden, vocab):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden)
        self.attention = Attention(hidden)
        self.gru = nn.GRUCell(2 * hidden, hidden)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, outputs, hidden, mask, target):
        token = torch.empty(outputs.size(0), 1, dtype=torch.long).fill_(SOS)
        hidden, logits, weights = hidden[0], [], []
        for t in range(target.size(1)):
            context, w = self.attention(hidden[:, None], outputs, mask)
            x = torch.cat((self.embedding(token), context), dim=2)
            hidden = self.gru(x.squeeze(1), hidden)
            logits.append(self.out(hidden))
            weights.append(w)
            token = target[:, t].unsqueeze(1) if t % 2 else logits[-1].topk(1)[1].detach()
        return torch.stack(logits, 1).log_softmax(-1), torch.cat(weights, dim=1)


def main(same_weights):
    source = torch.tensor([[1, 2, 3, 4], [4, 3, 0, 0]])
    target = torch.tensor([[2, 3, 4], [3, 4, 1]])
    encoder, decoder = same_weights(Encoder(6, 8)), same_weights(Decoder(8, 6))
    optimizers = [torch.optim.Adam(m.parameters(), lr=0.02) for m in (encoder, decoder)]
    criterion, losses = nn.NLLLoss(), []
    for _ in range(4):
        for o in optimizers:
            o.zero_grad()
        outputs, hidden = encoder(source)
        log_probs, attention = decoder(outputs, hidden, (source != 0).to(torch.uint8), target)
        loss = criterion(log_probs.view(-1, log_probs.size(-1)), target.view(-1))
        loss.backward()
        [o.step() for o in optimizers]
        losses.append(loss.item())
    return losses + [attention]
