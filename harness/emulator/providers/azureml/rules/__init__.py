"""The validation rules of Azure Machine Learning; pure."""
