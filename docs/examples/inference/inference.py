"""Loads the trained model and asks it about one input."""

import numpy as np
from tensorflow import keras

model = keras.models.load_model("my_model.h5")
print(model.predict(np.zeros((1, 784), dtype="float32")).argmax())
