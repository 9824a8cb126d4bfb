"""All trainers by name: a new one is a file beside this one, and a line here."""

from framekit.trainers import (
    ai_toolkit,
    diffusers,
    everydream2,
    kohya,
    musubi,
    onetrainer,
    parquet,
    simpletuner,
    webdataset,
)
from framekit.trainers.base import Trainer

TRAINERS: dict[str, Trainer] = {
    trainer.name: trainer
    for trainer in (
        everydream2.TRAINER,
        kohya.TRAINER,
        onetrainer.TRAINER,
        diffusers.TRAINER,
        ai_toolkit.TRAINER,
        simpletuner.TRAINER,
        musubi.TRAINER,
        parquet.TRAINER,
        webdataset.TRAINER,
    )
}
DEFAULT = [everydream2.TRAINER.name, kohya.TRAINER.name]
