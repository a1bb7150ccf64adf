"""What a run needs, counted on tensors without data: operations, memory, disk, hours."""
