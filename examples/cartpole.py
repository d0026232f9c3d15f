"""Solves gymnasium's CartPole-v1 with REINFORCE and a learned baseline.

    pip install gymnasium
    python examples/cartpole.py

Solved means a mean return of at least 475 over 100 episodes in a row, as the environment's authors
define it. Source of the method: Williams 1992, "Simple statistical gradient-following algorithms".
"""

import argparse
import time

import gymnasium
import numpy as np

import facula
import facula.nn.functional as F
from facula import nn, optim

ENVIRONMENTS, DISCOUNT = 16, 0.99


class PolicyAndValue(nn.Module):
    """Observations (batch, 4) to scores of the two actions (batch, 2) and the return to come (batch,)."""

    def __init__(self, width=64):
        super().__init__()
        self.policy = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2))
        self.value = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, observation):
        return self.policy(observation), self.value(observation).squeeze(-1)


@facula.no_grad()
def act(model, observations):
    """Actions drawn from the policy, as a NumPy array."""
    scores, _ = model(facula.from_numpy(observations))
    return facula.multinomial(scores.softmax(-1), 1).squeeze(-1).numpy()


def play(model, environments, seed=None):
    """One episode in each environment: observations, actions, rewards and masks, all (time, environments)."""
    observations, _ = environments.reset(seed=seed)
    alive = np.ones(environments.num_envs, bool)
    history = []
    while alive.any():
        actions = act(model, observations)
        following, rewards, ended, cut, _ = environments.step(actions)
        history.append((observations, actions, rewards * alive, alive.copy()))
        alive &= ~(ended | cut)
        observations = following
    return tuple(np.stack(part) for part in zip(*history))


def returns_of(rewards):
    """Discounted sums of all rewards to come."""
    out = np.zeros_like(rewards)
    total = np.zeros(rewards.shape[1])
    for t in reversed(range(len(rewards))):
        total = rewards[t] + DISCOUNT * total
        out[t] = total
    return out


def update(model, optimizer, episodes):
    """One step of policy gradient with the value as baseline."""
    observations, actions, rewards, alive = episodes
    returns = facula.from_numpy(returns_of(rewards)[alive].astype(np.float32))
    scores, values = model(facula.from_numpy(observations[alive]))
    advantages = returns - values.detach()
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-6)
    chosen = (
        F.log_softmax(scores, -1).gather(1, facula.from_numpy(actions[alive])[:, None]).squeeze(1)
    )
    entropy = -(scores.softmax(-1) * F.log_softmax(scores, -1)).sum(-1).mean()
    loss = -(chosen * advantages).mean() + 1e-3 * F.mse_loss(values, returns) - 0.005 * entropy
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def train(updates=400, seed=0, report=print):
    """Trains until solved; returns the model, the mean return of the last 100 episodes, and episodes played."""
    facula.manual_seed(seed)
    environments = gymnasium.make_vec("CartPole-v1", ENVIRONMENTS)
    model = PolicyAndValue()
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    history, start = [], time.perf_counter()
    for i in range(updates):
        episodes = play(model, environments, seed if i == 0 else None)
        history += episodes[2].sum(0).tolist()
        mean = sum(history[-100:]) / len(history[-100:])
        if i % 10 == 9:
            report(
                f"{len(history)} episodes: mean return {mean:.0f}, {time.perf_counter() - start:.0f} s"
            )
        if len(history) >= 100 and mean >= 475:
            break
        update(model, optimizer, episodes)
    environments.close()
    return model, mean, len(history)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    _, mean, episodes = train(seed=parser.parse_args().seed)
    print(
        f"{'solved' if mean >= 475 else 'not solved'} after {episodes} episodes: mean return {mean:.1f}"
    )


if __name__ == "__main__":
    main()
