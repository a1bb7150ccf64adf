"""The model of the challenge (MGM-2B: Gemma, CLIP and ConvNeXt towers, patch-info mining) in small parts.

Read in this order: conversation, images, vision_tower, vision_tower_aux, mining, last_layer, decoder, loss,
model, plain, activations, checkpoint, features, data, prefill, generate.
"""

import gc

# Importing torch and transformers makes a million objects that stay. At its default of 700 new ones Python
# looks through them for garbage a thousand times, a fifth of the imports' time.
gc.set_threshold(10_000)
