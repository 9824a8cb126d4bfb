"""All trainers by name: a new one is a file beside this one, and a line here."""

from framekit.trainers import diffusers, everydream2, kohya, onetrainer
from framekit.trainers.base import Trainer

TRAINERS: dict[str, Trainer] = {
    trainer.name: trainer
    for trainer in (
        everydream2.TRAINER,
        kohya.TRAINER,
        onetrainer.TRAINER,
        diffusers.TRAINER,
    )
}
DEFAULT = [everydream2.TRAINER.name, kohya.TRAINER.name]
