"""Published runs of the official code, and the share of the GPUs' peak that they imply.

Pretraining: 200,000 samples in 74 minutes, 45 a second on four GPUs of 312 TFLOP/s; finetuning: 240,000 in
5 hours, 13 a second. With samples as assumed below, and every operation of the official form counted, that is
38 % and 22 % of the peak: not the same. Finetuning moves 2.5 billion gradients and weights a step and pads
within a batch, pretraining next to none; its samples would have to be 1,800 positions long for 38 %.
"""

from dataclasses import dataclass

from costs.sample import Sample


@dataclass(frozen=True)
class Published:
    """A published run: speed over all GPUs, their number and peak, mean sample, efficiency implied."""

    samples_per_second: float
    gpus: int
    teraflops: float
    sample: Sample
    efficiency: float

    def implied(self, flop_a_sample: float) -> float:
        """Share of the peak, from the operations of one sample in the official form."""
        return self.samples_per_second * flop_a_sample / (self.gpus * self.teraflops * 1e12)


PRETRAIN = Published(45, 4, 312, Sample(620, 20), 0.384)
FINETUNE = Published(13, 4, 312, Sample(1000, 300), 0.218)
# Not published; assumed, and to be measured on a GPU: batches of 16 questions, of 128 captions in float16.
ANSWERING = 0.15
SYNTHESIS = 0.10
