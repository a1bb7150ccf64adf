"""What training needs beside the model: flags, launch, checks of the data, the Trainer, resuming."""
