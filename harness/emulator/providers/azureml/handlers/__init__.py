"""The operations of Azure Machine Learning behind Resource Manager, one module for each kind of resource."""
