"""Sources of models and data fetched into one folder: resumed, checked, unpacked."""
