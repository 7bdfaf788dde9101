"""What MLflow runs to load a registered model: the code that came with the version, no pickle."""

from mlflow.models import set_model

from setwise.serving.pyfunc import SetModel

set_model(SetModel())
