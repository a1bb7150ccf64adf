"""Pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from errors import BadInput
from mgm.images import ImageProcessor, pad_to_square, resize_and_crop

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def picture(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("width", "height"), [(50, 31), (31, 50), (40, 40), (7, 300)])
@pytest.mark.parametrize("aspect_ratio", ["square", "pad"])
def test_both_images_have_their_sizes_for_any_shape(width, height, aspect_ratio):
    image, image_aux = ImageProcessor(14, 36, MEAN, STD, aspect_ratio)(picture(width, height))
    assert image.shape == (3, 14, 14) and image_aux.shape == (3, 36, 36)


def test_pixels_are_normalised_and_the_small_image_is_interpolated_from_the_large_one():
    image, image_aux = ImageProcessor(9, 36, MEAN, STD)(picture(36, 36))
    raw = torch.from_numpy(np.array(picture(36, 36))).permute(2, 0, 1).double() / 255
    wanted = (raw - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(image_aux.double(), wanted, rtol=0, atol=1e-6)
    # Bilinear without antialiasing: a fourth of the size takes the mean of the two middle pixels each way.
    torch.testing.assert_close(image[0, 2, 3], image_aux[0, 9:11, 13:15].mean(), rtol=1e-5, atol=1e-6)


def officially(picture: Image.Image, size: int, size_aux: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The image processor's own way: NumPy on (H, W, 3), then the channels in front."""
    pixels = np.asarray(resize_and_crop(picture, size_aux), dtype=np.float32)
    pixels = (pixels / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
    image_aux = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    image = torch.nn.functional.interpolate(image_aux[None], size=(size, size), mode="bilinear")[0]
    return image, image_aux


@pytest.mark.parametrize(("width", "height"), [(61, 53), (1, 1), (16, 16)])
def test_pixels_are_the_official_ones_to_the_last_bit(width, height):
    """All 256 values occur in each channel; a mean in double precision would differ."""
    every = np.stack([np.roll(np.arange(256, dtype=np.uint8), 9 * c) for c in range(3)], 1).reshape(16, 16, 3)
    source = Image.fromarray(every) if width == height == 16 else picture(width, height)
    for ours, wanted in zip(ImageProcessor(7, 16, MEAN, STD)(source), officially(source, 7, 16), strict=True):
        assert ours.is_contiguous() and torch.equal(ours, wanted)
    in_double = (torch.arange(256).double() / 255 - MEAN[0]) / STD[0]
    assert not torch.equal(in_double.float(), (torch.arange(256) / 255 - MEAN[0]) / torch.tensor(STD[0]))


def test_padding_keeps_every_pixel_in_the_middle_of_the_colour():
    source = picture(5, 11)
    padded = np.array(pad_to_square(source, (1, 2, 3)))
    assert (padded[:, 3:8] == np.array(source)).all()
    assert (padded[:, :3] == (1, 2, 3)).all() and (padded[:, 8:] == (1, 2, 3)).all()


def test_cropping_takes_the_middle():
    wide = picture(30, 10)
    assert (np.array(resize_and_crop(wide, 10)) == np.array(wide)[:, 10:20]).all()


def test_an_unknown_aspect_ratio_is_an_error(tiny_models):
    with pytest.raises(BadInput, match="choose one of square, pad"):
        ImageProcessor.from_folder(tiny_models.clip, 96, "anyres")
