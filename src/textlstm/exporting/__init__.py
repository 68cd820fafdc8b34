"""A trained model for places without Python: ONNX, and a page in the browser."""
