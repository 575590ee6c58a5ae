"""From the specification's text to machine code: fold, lower, place frames, emit."""
