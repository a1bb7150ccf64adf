"""Pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from mgm.images import ImageProcessor, pad_to_square, resize_and_crop
from records import BadInput

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
