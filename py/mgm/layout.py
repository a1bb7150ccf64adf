"""Names in the official checkpoint folders; needs nothing installed, so that the submission reads it too."""

TOKENIZER_FILES = (  # copied, not written anew, so that older versions of transformers read them too
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
)
OFFICIAL_FOLDER = "model_zoo/OpenAI"  # where the official code looks for the towers, from its working folder
