"""The processes that run model files: a worker, and a runner for each runtime.

They are started by file name in `model_files/process.py`, and import nothing of
kerascnn but Keras's runner: a runtime is tried as its users have it.
"""
