"""REINFORCE and actor-critic on a toy chain: Categorical and Normal, discounted returns, smooth L1."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical, Normal, kl_divergence


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 16)
        self.action_head, self.value_head = nn.Linear(16, 2), nn.Linear(16, 1)
        self.log_std = nn.Parameter(torch.zeros(1))
        self.saved_actions, self.rewards = [], []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


def main(same_weights):
    rng = np.random.default_rng(0)
    model = same_weights(Policy())
    optimizer, eps, history = (
        optim.Adam(model.parameters(), lr=3e-2),
        np.finfo(np.float32).eps.item(),
        [],
    )
    for _ in range(2):
        for t in range(5):
            state = torch.from_numpy(rng.normal(size=4)).float()
            probs, value = model(state)
            m = Categorical(probs)
            assert m.sample().item() in (0, 1)
            action = torch.tensor(t % 2)
            model.saved_actions.append((m.log_prob(action), value, m.entropy()))
            model.rewards.append(float(t % 3))
        R, returns = 0, []
        for r in model.rewards[::-1]:
            R = r + 0.99 * R
            returns.insert(0, R)
        returns = torch.tensor(returns)
        returns = (returns - returns.mean()) / (returns.std() + eps)
        policy_losses, value_losses = [], []
        for (log_prob, value, entropy), R in zip(model.saved_actions, returns):
            advantage = R - value.item()
            policy_losses.append(-log_prob * advantage - 0.01 * entropy)
            value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
        optimizer.zero_grad()
        gaussian = Normal(torch.zeros(1), model.log_std.exp())
        loss = (
            torch.stack(policy_losses).sum()
            + torch.stack(value_losses).sum()
            + kl_divergence(gaussian, Normal(0.5, 2.0)).sum()
        )
        loss.backward()
        optimizer.step()
        history += [loss.item(), gaussian.log_prob(torch.tensor(0.3))]
        del model.rewards[:], model.saved_actions[:]
    return history
