"""Models as C++ sources for TensorFlow Lite Micro, which runs on microcontrollers.

Imports exporting's TFLite writer, and the floors below.
"""
