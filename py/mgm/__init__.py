"""The model of the challenge (MGM-2B: Gemma, CLIP and ConvNeXt towers, patch-info mining) in small parts.

Read in this order: conversation, images, vision_tower, vision_tower_aux, mining, model, checkpoint, generate,
data.
"""
