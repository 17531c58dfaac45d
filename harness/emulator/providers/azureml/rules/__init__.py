"""What Azure Machine Learning accepts; pure."""
