"""Trains a small classifier on digits that are made up here, and saves it."""

import numpy as np
from tensorflow import keras

features = np.random.default_rng(0).random((256, 784), dtype="float32")
labels = (features[:, :10].argmax(axis=1)).astype("int32")

model = keras.Sequential(
    [
        keras.Input(shape=(784,)),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(features, labels, epochs=2, verbose=2)
model.save("my_model.h5")
