"""The specification: kernel functions restated, on the machine they run on."""
