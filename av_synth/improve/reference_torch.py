"""A small detector to try the loop with: a convolutional net without anchors, which a CPU trains in minutes.

It needs torch: `pip install 'av-synth[torch]'`. Every cell of 8 x 8 pixels says how sure it is of each class, and how
far the box reaches from its middle to each side, as in FCOS (Tian et al., "FCOS: Fully Convolutional One-Stage Object
Detection", ICCV 2019): cells near the middle of a box learn it, by the focal loss (Lin et al., "Focal Loss for Dense
Object Detection", ICCV 2017) and the intersection over union.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from av_synth.errors import UserError
from av_synth.grade import Detections2D
from av_synth.improve.images import LabelledImage

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as error:
    raise UserError("the reference detector needs torch; pip install 'av-synth[torch]'") from error

_STRIDE = 8  # px
_STEPS, _BATCH, _RATE = 160, 8, 3e-3
_KEPT_FROM, _SAME_ABOVE, _MOST = 0.02, 0.5, 60  # scores, overlap, boxes of an image
_MIN_SIDE_PX = 4.0  # what is smaller teaches nothing
_NEAR = 1.0  # cells: of a box's middle, which learn it
_FOCUS, _POSITIVE = 2.0, 0.25  # the focal loss's gamma and alpha, as its authors have them

Tensor = Any
"""torch ships types, but is an extra: nothing of it can be named where it may be missing."""


class Reference:
    """The detector; knows seven classes."""

    classes = ("car", "truck", "bus", "pedestrian", "bicycle", "motorcycle", "construction_vehicle")

    def __init__(self) -> None:
        self._net = _net(len(self.classes))

    def fit(self, images: Sequence[LabelledImage], seed: int) -> None:
        """Learn from images, all of one size, from nothing on. Takes the same number of steps however many there are.

        Raises:
            UserError: if there is no image, or their sizes differ.
        """
        if not images:
            raise UserError("there is no image to learn from; want a dataset with camera images")
        pixels = [one.pixels() for one in images]
        if len({one.shape for one in pixels}) > 1:
            raise UserError(
                "the reference detector learns from images of one size; want one camera, or a rig of equal ones"
            )
        targets = [self._targets(one, of.shape) for one, of in zip(images, pixels, strict=True)]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._net = _net(len(self.classes)).train()
            self._learn(pixels, targets, np.random.default_rng(seed))
        self._net.eval()

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections2D]:
        """What it finds in each image."""
        self._net.eval()
        found = []
        with torch.no_grad():
            for image in images:
                scores, boxes = _heads(self._net(_input(image[None])), len(self.classes))
                found.append(self._kept(torch.sigmoid(scores)[0].numpy(), boxes[0].numpy(), image.shape))
        return found

    def save(self, file: Path) -> None:
        """Write the net's weights, as `torch.load` reads them."""
        torch.save(self._net.state_dict(), file)

    def _learn(
        self, pixels: Sequence[NDArray[np.uint8]], targets: Sequence[tuple[Any, ...]], random: np.random.Generator
    ) -> None:
        optimizer = torch.optim.AdamW(self._net.parameters(), lr=_RATE, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=_RATE, total_steps=_STEPS)
        for chosen in _batches(len(pixels), random):
            flip = bool(random.integers(2))
            images = _input(np.stack([pixels[at] for at in chosen]), flip)
            images = images * float(random.uniform(0.7, 1.4))
            labels, boxes = (
                torch.from_numpy(np.stack([targets[at][part + 2 * flip] for at in chosen])) for part in (0, 1)
            )
            scores, reaches = _heads(self._net(images), len(self.classes))
            loss = _loss(scores, reaches, labels, boxes)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._net.parameters(), 5.0)
            optimizer.step()
            schedule.step()

    def _targets(self, image: LabelledImage, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """Labels and boxes of every cell, of the image and of its mirror image."""
        rows, columns = -(-shape[0] // _STRIDE), -(-shape[1] // _STRIDE)
        known = [at for at, name in enumerate(image.classes) if name in self.classes]
        kinds = np.array([self.classes.index(image.classes[at]) for at in known], dtype=np.int64)
        boxes = image.boxes[known]
        large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= _MIN_SIDE_PX
        mirrored = boxes.copy()
        # the padding is on the right, so that a mirror image is that of the padded one
        mirrored[:, [0, 2]] = shape[1] - boxes[:, [2, 0]]
        return (
            *_cells(boxes[large], kinds[large], rows, columns),
            *_cells(mirrored[large], kinds[large], rows, columns),
        )

    def _kept(self, scores: NDArray[np.float32], boxes: NDArray[np.float32], shape: tuple[int, ...]) -> Detections2D:
        """The surest boxes of each class that do not lie on each other."""
        kinds, cells = np.nonzero(scores.reshape(len(self.classes), -1) >= _KEPT_FROM)
        sure = scores.reshape(len(self.classes), -1)[kinds, cells].astype(np.float64)
        found = boxes.reshape(4, -1).T[cells].astype(np.float64)
        found = np.clip(found, 0.0, [shape[1], shape[0], shape[1], shape[0]])
        kept: list[int] = []
        for kind in np.unique(kinds):
            own = np.flatnonzero(kinds == kind)
            sides = np.concatenate([found[own, :2], found[own, 2:] - found[own, :2]], axis=1)
            best = cv2.dnn.NMSBoxes(sides.tolist(), sure[own].tolist(), _KEPT_FROM, _SAME_ABOVE)
            kept += own[np.asarray(best, dtype=int).ravel()].tolist()
        kept = sorted(kept, key=lambda at: -sure[at])[:_MOST]
        return Detections2D(found[kept], tuple(self.classes[kinds[at]] for at in kept), sure[kept])


def _net(classes: int) -> Any:
    def block(inside: int, outside: int, stride: int = 1, dilation: int = 1) -> list[Any]:
        convolution = nn.Conv2d(inside, outside, 3, stride, dilation, dilation, bias=False)
        return [convolution, nn.BatchNorm2d(outside), nn.SiLU()]

    last = nn.Conv2d(48, classes + 4, 1)
    nn.init.zeros_(last.bias)
    nn.init.constant_(last.bias[:classes], -4.0)  # most cells show nothing
    layers = [*block(3, 12, 2), *block(12, 24, 2), *block(24, 48, 2)]
    layers += [*block(48, 48), *block(48, 48, 1, 2), *block(48, 48, 1, 4)]
    return nn.Sequential(*layers, last)


def _input(images: NDArray[np.uint8], flip: bool = False) -> Tensor:
    """(N, H, W, 3) uint8 as (N, 3, H, W) float32 around 0, filled up to whole cells."""
    turned = images[:, :, ::-1] if flip else images
    tensor = torch.from_numpy(np.ascontiguousarray(turned.transpose(0, 3, 1, 2))).float() / 128.0 - 1.0
    return functional.pad(tensor, (0, -images.shape[2] % _STRIDE, 0, -images.shape[1] % _STRIDE))


def _heads(answer: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Logits (N, classes, rows, columns), and boxes (N, 4, rows, columns) in pixels: left, top, right, bottom."""
    rows, columns = answer.shape[-2:]
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    middle = torch.stack([x, y]).add(0.5).mul(_STRIDE)
    reach = answer[:, classes:].clamp(-4.0, 5.0).exp() * _STRIDE
    return answer[:, :classes], torch.cat([middle - reach[:, :2], middle + reach[:, 2:]], dim=1)


def _cells(boxes: NDArray[np.float64], kinds: NDArray[np.int64], rows: int, columns: int) -> tuple[Any, Any]:
    """(rows, columns) int64 of classes, -1 for none, and (4, rows, columns) float32 of boxes; the smallest wins."""
    labels = np.full((rows, columns), -1, dtype=np.int64)
    reached = np.zeros((4, rows, columns), dtype=np.float32)
    middles = (boxes[:, :2] + boxes[:, 2:]) / (2.0 * _STRIDE) - 0.5
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    y, x = np.mgrid[:rows, :columns]
    for at in np.argsort(-areas, kind="stable"):
        side = (boxes[at, 2:] - boxes[at, :2]) / (2.0 * _STRIDE)
        near = np.maximum(np.minimum(side, _NEAR), 0.5)
        mine = (np.abs(x - middles[at, 0]) <= near[0]) & (np.abs(y - middles[at, 1]) <= near[1])
        labels[mine] = kinds[at]
        reached[:, mine] = boxes[at][:, None]
    return labels, reached


def _loss(scores: Tensor, boxes: Tensor, labels: Tensor, wanted: Tensor) -> Tensor:
    truth = functional.one_hot(labels + 1, scores.shape[1] + 1)[..., 1:].permute(0, 3, 1, 2).float()
    chance = torch.sigmoid(scores)
    right = chance * truth + (1 - chance) * (1 - truth)
    weight = (_POSITIVE * truth + (1 - _POSITIVE) * (1 - truth)) * (1 - right) ** _FOCUS
    entropy = functional.binary_cross_entropy_with_logits(scores, truth, reduction="none")
    mine = labels >= 0
    count = mine.sum().clamp(min=1)
    overlap = _overlap(boxes.permute(0, 2, 3, 1)[mine], wanted.permute(0, 2, 3, 1)[mine])
    return (weight * entropy).sum() / count + (1 - overlap).sum() / count


def _overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of (N, 4) boxes, less how far their middles are apart for the size of both (DIoU)."""
    inside = (torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])).clamp(min=0)
    both = inside.prod(dim=1)
    areas = [(one[:, 2:] - one[:, :2]).clamp(min=0).prod(dim=1) for one in (first, second)]
    around = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    apart = ((first[:, :2] + first[:, 2:] - second[:, :2] - second[:, 2:]) / 2).square().sum(dim=1)
    return both / (areas[0] + areas[1] - both).clamp(min=1e-6) - apart / around.square().sum(dim=1).clamp(min=1e-6)


def _batches(count: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Every image once before any comes again, in an order of its own each time."""
    order = np.empty(0, dtype=np.int64)
    for _ in range(_STEPS):
        while len(order) < _BATCH:
            order = np.concatenate([order, random.permutation(count)])
        yield order[:_BATCH]
        order = order[_BATCH:]
