"""Recognises the spoken digits zero to nine, learnt from speech synthesizers and tried on a human.

    sudo apt-get install espeak-ng flite asterisk-core-sounds-en-wav
    python examples/keywords.py

The network hears many voices of espeak-ng (and of flite, where it is installed) say the ten words, at
several speeds and pitches, with noise, shifts and filters. Tested are voices it never heard, and ten
recordings of a human, which it never heard either: the digits of Asterisk's prompts.
"""

import argparse
import itertools
import random
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import facula
import facula.nn.functional as F
import facula_audio
from facula import optim
from facula_audio import transforms as T
from facula_audio.datasets import AsteriskSounds
from facula_audio.models import KeywordNet

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
RATE, FRAMES = 8000, 8000  # one second, at the rate of telephones
ACCENTS = [
    "en-us",
    "en-gb",
    "en-us",
    "en-gb-x-rp",
    "en-us",
    "en-gb-scotland",
    "en-us",
    "en-gb-x-gbclan",
]
# espeak-ng's variants: shapes of the vocal tract and voice. Every third is held out.
VARIANTS = [
    "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Alex", "Alicia", "Andrea", "Andy",
    "Annie", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "Denis", "ed", "edward", "Gene", "grandma",
    "grandpa", "Hugo", "Jacky", "john", "klatt", "klatt2", "klatt4", "Lee", "linda", "marcelo", "Marco", "max",
    "michael", "miguel", "mike", "norbert", "pablo", "paul", "quincy", "rob", "robert", "sandro", "shelby", "steph",
    "steph2", "travis", "victor", "zac",
]  # fmt: skip
FLITE_VOICES, FLITE_HELD_OUT = ["slt", "awb", "kal16"], ["rms"]


def espeak_commands(variants, takes, seed):
    """A command for each take of each word: [command, ..., word number]; the file's path goes last."""
    draw = random.Random(seed)
    for i, (variant, take) in enumerate(itertools.product(variants, range(takes))):
        voice = f"{ACCENTS[(i + take) % len(ACCENTS)]}+{variant}"
        options = ["-s", str(draw.randint(110, 180)), "-p", str(draw.randint(25, 75))]
        for number, word in enumerate(WORDS):
            yield number, ["espeak-ng", "-v", voice, *options, word, "-w"]


def flite_commands(voices, stretches):
    for voice, stretch in itertools.product(voices, stretches):
        for number, word in enumerate(WORDS):
            yield (
                number,
                [
                    "flite",
                    "-voice",
                    voice,
                    "--setf",
                    f"duration_stretch={stretch}",
                    "-t",
                    word,
                    "-o",
                ],
            )


def spoken(commands):
    """Waveforms (n, FRAMES) and labels (n,) of what the commands say."""
    commands = list(commands)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        paths = [Path(folder) / f"{i}.wav" for i in range(len(commands))]

        def say(command, path):
            subprocess.run(
                [*command, str(path)],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        list(pool.map(say, (command for _, command in commands), paths))
        waveforms = [prepared(*facula_audio.load(path)) for path in paths]
    return facula.stack(waveforms), facula.tensor([number for number, _ in commands])


def prepared(waveform, rate):
    """One second at RATE with the word in its middle, without the silence around it."""
    mono = T.Resample(rate, RATE)(waveform.mean(0))
    energy = F.max_pool1d(mono.abs()[None], 160)[0]
    loud = facula.nonzero(energy > 0.04 * energy.max()).flatten()
    word = mono[int(loud[0]) * 160 : (int(loud[-1]) + 1) * 160]
    word = word[:FRAMES] / word.abs().max()
    before = (FRAMES - len(word)) // 2
    return F.pad(word, (before, FRAMES - len(word) - before))


def at_speeds(waveforms, speeds=((10, 9), (10, 11))):
    """The waveforms, and the same played slower and faster, so also lower and higher."""
    played = [waveforms]
    for old, new in reversed(speeds):
        other = T.Resample(old, new)(waveforms)
        before = (FRAMES - other.shape[1]) // 2
        played.append(F.pad(other, (before, FRAMES - other.shape[1] - before)))  # negative: cut
    return facula.cat(played)


def augmented(waveforms):
    """Each waveform shifted by up to 0.1 s, through a random filter, with noise at 5 to 35 dB."""
    n = len(waveforms)
    shifts = facula.randint(-800, 801, (n, 1))
    places = (facula.arange(FRAMES) - shifts).remainder(FRAMES)
    x = waveforms.gather(1, places)
    echo = facula.rand(n, 1) * 1.6 - 0.8  # +: duller, -: sharper
    x = x + echo * F.pad(x[:, :-1], (1, 0))
    noise = facula.randn(n, FRAMES)
    rumble = facula.rand(n, 1) * 0.95
    noise = noise + rumble * F.pad(noise[:, :-1], (1, 0))
    return T.AddNoise()(x, noise, facula.rand(n) * 30 + 5)


def voices(flite=None, takes=2):
    """(waveforms, labels) to train on, and of voices held out. `flite` None: where it is installed."""
    if shutil.which("espeak-ng") is None:
        raise FileNotFoundError(
            "espeak-ng is missing; install it: sudo apt-get install espeak-ng flite"
        )
    flite = shutil.which("flite") is not None if flite is None else flite
    held_out = VARIANTS[2::3]
    training = list(espeak_commands([v for v in VARIANTS if v not in held_out], takes, 0))
    testing = list(espeak_commands(held_out, 1, 1))
    if flite:
        training += flite_commands(FLITE_VOICES, (0.9, 1.1, 1.3, 1.5))
        testing += flite_commands(FLITE_HELD_OUT, (1.0, 1.3))
    return spoken(training), spoken(testing)


def train(training, steps=400, seed=0, report=print):
    """Trains a KeywordNet with AdamW and one cycle of the learning rate."""
    facula.manual_seed(seed)
    waveforms, labels = at_speeds(training[0]), training[1].repeat(3)
    model = KeywordNet(len(WORDS), RATE)
    optimizer = optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = optim.lr_scheduler.OneCycleLR(
        optimizer, 5e-3, total_steps=steps, cycle_momentum=False
    )
    start = time.perf_counter()
    for step in range(steps):
        chosen = facula.randint(0, len(labels), (64,))
        loss = F.cross_entropy(
            model(augmented(waveforms[chosen])), labels[chosen], label_smoothing=0.1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 49:
            report(f"step {step + 1}: loss {loss.item():.3f}, {time.perf_counter() - start:.0f} s")
    return model.eval()


@facula.no_grad()
def recognised(model, waveforms):
    """The most likely word of each waveform, as its number."""
    return facula.cat([model(part).argmax(1) for part in waveforms.split(64)])


def run(steps=400, seed=0, flite=None, report=print):
    """Accuracy on held-out voices, and on the human recordings (None where they are missing)."""
    start = time.perf_counter()
    training, testing = voices(flite)
    report(
        f"{len(training[1])} words to train on, {len(testing[1])} of other voices to test ({time.perf_counter() - start:.0f} s)"
    )
    model = train(training, steps, seed, report)
    accuracy = (recognised(model, testing[0]) == testing[1]).float().mean().item()
    report(f"voices held out: {accuracy:.1%} recognised")
    try:
        human = AsteriskSounds.digits()
    except FileNotFoundError as error:
        report(str(error))
        return accuracy, None
    heard = recognised(model, facula.stack([prepared(w, rate) for w, rate, _ in human]))
    for number, word in enumerate(WORDS):
        report(f"  a human said {word:5}, heard {WORDS[heard[number]]}")
    return accuracy, (heard == facula.arange(10)).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        _, human = run(options.steps, options.seed)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    if human is not None:
        print(f"the human, never trained on: {human:.0%} of ten digits recognised")


if __name__ == "__main__":
    main()
