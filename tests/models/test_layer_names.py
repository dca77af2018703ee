"""The names of the layers, which saved weights and figures go by."""

import pytest

from kerascnn.models import MODELS

LENET = """
    scaled_image block1_conv block1_pool block2_conv block2_pool flatten
    fc1_dense fc2_dense predictions
"""

ALEXNET = """
    scaled_image block1_conv block1_pool block2_conv block2_pool
    block3_conv block4_conv block5_conv block5_pool flatten
    fc1_dense fc1_dropout fc2_dense fc2_dropout predictions
"""

VGG16 = """
    scaled_image
    block1_1_conv block1_2_conv block1_pool
    block2_1_conv block2_2_conv block2_pool
    block3_1_conv block3_2_conv block3_3_conv block3_pool
    block4_1_conv block4_2_conv block4_3_conv block4_pool
    block5_1_conv block5_2_conv block5_3_conv block5_pool
    flatten fc1_dense fc1_dropout fc2_dense fc2_dropout predictions
"""

RESNET18 = """
    scaled_image stem_conv stem_bn stem_relu stem_pool
    stage2a_1_conv stage2a_1_bn stage2a_1_relu stage2a_2_conv stage2a_2_bn
    stage2a_add stage2a_relu
    stage2b_1_conv stage2b_1_bn stage2b_1_relu stage2b_2_conv stage2b_2_bn
    stage2b_add stage2b_relu
    stage3a_1_conv stage3a_1_bn stage3a_1_relu stage3a_2_conv stage3a_2_bn
    stage3a_shortcut_conv stage3a_shortcut_bn stage3a_add stage3a_relu
    stage3b_1_conv stage3b_1_bn stage3b_1_relu stage3b_2_conv stage3b_2_bn
    stage3b_add stage3b_relu
    stage4a_1_conv stage4a_1_bn stage4a_1_relu stage4a_2_conv stage4a_2_bn
    stage4a_shortcut_conv stage4a_shortcut_bn stage4a_add stage4a_relu
    stage4b_1_conv stage4b_1_bn stage4b_1_relu stage4b_2_conv stage4b_2_bn
    stage4b_add stage4b_relu
    stage5a_1_conv stage5a_1_bn stage5a_1_relu stage5a_2_conv stage5a_2_bn
    stage5a_shortcut_conv stage5a_shortcut_bn stage5a_add stage5a_relu
    stage5b_1_conv stage5b_1_bn stage5b_1_relu stage5b_2_conv stage5b_2_bn
    stage5b_add stage5b_relu
    pool predictions
"""

MOBILENET = """
    scaled_image stem_conv stem_bn stem_relu
    block1_sepconv block1_bn block1_relu block2_sepconv block2_bn block2_relu
    block3_sepconv block3_bn block3_relu block4_sepconv block4_bn block4_relu
    block5_sepconv block5_bn block5_relu block6_sepconv block6_bn block6_relu
    block7_sepconv block7_bn block7_relu block8_sepconv block8_bn block8_relu
    block9_sepconv block9_bn block9_relu block10_sepconv block10_bn block10_relu
    block11_sepconv block11_bn block11_relu block12_sepconv block12_bn block12_relu
    block13_sepconv block13_bn block13_relu
    pool dropout predictions
"""

NAMES = {
    "lenet": LENET,
    "alexnet": ALEXNET,
    "vgg16": VGG16,
    "resnet18": RESNET18,
    "mobilenet": MOBILENET,
}


@pytest.mark.parametrize("name", MODELS)
def test_layers_have_their_saved_names(name, small_network):
    # Sorted: Keras lists the two branches of a block in an order of its own.
    names = sorted(layer.name for layer in small_network(name).layers)
    assert names == sorted(NAMES[name].split())
    assert len(names) == len(set(names))
