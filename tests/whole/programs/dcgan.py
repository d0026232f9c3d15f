"""Two steps of DCGAN: transposed convolutions, two optimizers, detach, weights_init by class name."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(5, 8, 4, 1, 0, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
            nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip

    def forward(self, input):
        return self.main(input)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.utils.spectral_norm(nn.Conv2d(1, 4, 4, 2, 1, bias=False)), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(4, 8, 3, 1, 1, bias=False), nn.InstanceNorm2d(8, affine=True), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(8, 1, 4, 1, 0, bias=False), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, input):
        return self.main(input).view(-1, 1).squeeze(1)


def main(same_weights):
    rng = np.random.default_rng(0)
    netG, netD = Generator(), Discriminator()
    netG.apply(weights_init)
    netG, netD = same_weights(netG), same_weights(netD)
    optimizerD = optim.Adam(netD.parameters(), lr=2e-3, betas=(0.5, 0.999))
    optimizerG = optim.Adam(netG.parameters(), lr=2e-3, betas=(0.5, 0.999))
    criterion, history = nn.BCELoss(), []
    for _ in range(2):
        real = torch.from_numpy(rng.normal(size=(4, 1, 8, 8)).astype(np.float32))
        noise = torch.from_numpy(rng.normal(size=(4, 5, 1, 1)).astype(np.float32))
        netD.zero_grad()
        label = torch.full((4,), 1.0, dtype=torch.float)
        errD_real = criterion(netD(real), label)
        errD_real.backward()
        fake = netG(noise)
        label.fill_(0.0)
        output = netD(fake.detach())
        errD_fake = criterion(output, label)
        errD_fake.backward()
        optimizerD.step()
        netG.zero_grad()
        label.fill_(1)
        errG = criterion(netD(fake), label)
        errG.backward()
        optimizerG.step()
        history += [errD_real.item() + errD_fake.item(), errG.item(), output.mean().item()]
    return history + [fake.detach()]
