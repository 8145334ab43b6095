"""A Qwen3-VL-MoE of two million parameters that reads simple charts: the real classes, small enough for a test.

`charts.py` draws charts and asks about them, `checkpoint.py` lays out the model folder, `train.py`
trains it (`python -m rag.vl.miniature.train OUT`). It is a test model, never an answerer of users' data.
"""
