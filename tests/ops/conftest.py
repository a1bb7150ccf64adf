"""Importing Data-Juicer in a test must neither install anything nor need Ray."""

from run_data_juicer import leave_out_ray, refuse_installation

leave_out_ray()
refuse_installation()
