"""More models to write: each has a few layers that go together, so that most of Keras's layers were tried in some model.

``build_layers(kind, keras, np)`` gives a model and its inputs. A layer that a release does not have makes its kind fail there,
which is told like any other failure to write.
"""

LAYER_KINDS = (
    "activations", "merging", "merging-dot", "convolutional-1d", "convolutional-3d", "transposed", "separable", "depthwise", "pooling",
    "shapes", "normalization", "group-normalization", "noise", "gru", "simple-rnn", "bidirectional", "time-distributed", "convolutional-lstm",
    "masking", "attention", "multi-head-attention", "augmentation", "resizing", "text", "lookup", "categories", "nested", "operators",
    "regularized", "shared",
)  # fmt: skip


def build_layers(kind, keras, np):
    layers, random = keras.layers, np.random.RandomState(0)
    if kind in STACKS:
        shape, stack = STACKS[kind](layers, keras)
        model = keras.Sequential([keras.Input(shape), *stack, layers.Flatten(), layers.Dense(1)])
        return model, [random.rand(4, *shape).astype("float32")]
    return GRAPHS[kind](layers, keras, np, random)


def preprocessing(layers, name):
    """A preprocessing layer, which was experimental to 2.5."""
    return getattr(layers, name) if hasattr(layers, name) else getattr(layers.experimental.preprocessing, name)


STACKS = {
    "activations": lambda l, k: ((6,), [
        l.Dense(4, activation="elu"), l.Activation("relu"), l.LeakyReLU(), l.Dense(4, activation="selu"), l.PReLU(), l.ELU(), l.ReLU(max_value=6.0),
        l.Softmax(), l.Dense(4, activation="swish"), l.Activation("tanh"),
    ]),
    "convolutional-1d": lambda l, k: ((12, 3), [
        l.Conv1D(4, 3, padding="same"), l.MaxPooling1D(2), l.AveragePooling1D(2), l.ZeroPadding1D(1), l.Cropping1D(1), l.UpSampling1D(2), l.GlobalAveragePooling1D(),
    ]),
    "convolutional-3d": lambda l, k: ((6, 6, 6, 1), [
        l.Conv3D(2, 3, padding="same"), l.MaxPooling3D(2), l.ZeroPadding3D(1), l.UpSampling3D(2), l.AveragePooling3D(2), l.GlobalMaxPooling3D(),
    ]),
    "transposed": lambda l, k: ((8, 8, 2), [l.Conv2DTranspose(2, 3, strides=2, padding="same")]),
    "separable": lambda l, k: ((8, 8, 2), [l.SeparableConv2D(2, 3, padding="same")]),
    "depthwise": lambda l, k: ((8, 8, 2), [l.DepthwiseConv2D(3, padding="same")]),
    "pooling": lambda l, k: ((8, 8, 2), [l.AveragePooling2D(2), l.MaxPooling2D(padding="same"), l.GlobalAveragePooling2D()]),
    "shapes": lambda l, k: ((8, 8, 2), [
        l.ZeroPadding2D(1), l.Cropping2D(1), l.UpSampling2D(2), l.Reshape((16, 32)), l.Permute((2, 1)), l.Flatten(), l.RepeatVector(2),
    ]),
    "normalization": lambda l, k: ((8, 8, 2), [l.Conv2D(2, 3, use_bias=False, kernel_initializer="he_normal"), l.BatchNormalization(momentum=0.9), l.LayerNormalization()]),
    "group-normalization": lambda l, k: ((8, 8, 2), [l.GroupNormalization(groups=2), l.UnitNormalization()]),
    "noise": lambda l, k: ((8, 8, 2), [l.GaussianNoise(0.1), l.GaussianDropout(0.1), l.AlphaDropout(0.1), l.SpatialDropout2D(0.1), l.ActivityRegularization(0.01)]),
    "gru": lambda l, k: ((5, 3), [l.GRU(2)]),
    "simple-rnn": lambda l, k: ((5, 3), [l.SimpleRNN(2)]),
    "bidirectional": lambda l, k: ((5, 3), [l.Bidirectional(l.LSTM(2))]),
    "time-distributed": lambda l, k: ((5, 3), [l.TimeDistributed(l.Dense(2))]),
    "convolutional-lstm": lambda l, k: ((3, 6, 6, 1), [l.ConvLSTM2D(2, 3)]),
    "masking": lambda l, k: ((5, 3), [l.Masking(0.0), l.LSTM(2)]),
    "augmentation": lambda l, k: ((8, 8, 3), [preprocessing(l, "RandomFlip")(), preprocessing(l, "RandomRotation")(0.1), preprocessing(l, "RandomZoom")(0.1)]),
    "resizing": lambda l, k: ((8, 8, 3), [preprocessing(l, "Resizing")(6, 6), preprocessing(l, "CenterCrop")(4, 4), preprocessing(l, "Rescaling")(1 / 255)]),
    "regularized": lambda l, k: ((6,), [
        l.Dense(4, kernel_regularizer=k.regularizers.l2(0.01), bias_constraint=k.constraints.NonNeg(), kernel_initializer=k.initializers.RandomNormal(stddev=0.1)),
    ]),
}  # fmt: skip


def merging(layers, keras, np, random):
    one, other = keras.Input((4,)), keras.Input((4,))
    parts = [getattr(layers, name)()([one, other]) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")]
    return keras.Model([one, other], layers.Dense(1)(layers.Concatenate()(parts))), [random.rand(4, 4).astype("float32") for _ in range(2)]


def merging_dot(layers, keras, np, random):
    one, other = keras.Input((4,)), keras.Input((4,))
    return keras.Model([one, other], layers.Dense(1)(layers.Dot(axes=1)([one, other]))), [random.rand(4, 4).astype("float32") for _ in range(2)]


def attention(layers, keras, np, random):
    one = keras.Input((5, 3))
    both = layers.Concatenate()([layers.Attention()([one, one]), layers.AdditiveAttention()([one, one])])
    return keras.Model(one, layers.Dense(1)(layers.GlobalAveragePooling1D()(both))), [random.rand(4, 5, 3).astype("float32")]


def multi_head_attention(layers, keras, np, random):
    one = keras.Input((5, 4))
    seen = layers.MultiHeadAttention(num_heads=2, key_dim=2)(one, one)
    return keras.Model(one, layers.Dense(1)(layers.Flatten()(layers.LayerNormalization()(seen)))), [random.rand(4, 5, 4).astype("float32")]


def text(layers, keras, np, random):
    numbers = keras.Input((3,), dtype="int32")
    found = preprocessing(layers, "IntegerLookup")(vocabulary=[3, 5, 7])(numbers)
    return keras.Model(numbers, layers.Dense(1)(layers.Flatten()(layers.Embedding(6, 2)(found)))), [random.randint(0, 9, (4, 3)).astype("int32")]


def lookup(layers, keras, np, random):
    numbers = keras.Input((1,))
    bins = preprocessing(layers, "Discretization")(bin_boundaries=[0.3, 0.6])(numbers)
    return keras.Model(numbers, layers.Dense(1)(layers.Flatten()(layers.Embedding(4, 2)(bins)))), [random.rand(4, 1).astype("float32")]


def categories(layers, keras, np, random):
    numbers = keras.Input((1,), dtype="int32")
    coded = preprocessing(layers, "CategoryEncoding")(num_tokens=5, output_mode="multi_hot")(numbers)
    return keras.Model(numbers, layers.Dense(1)(coded)), [random.randint(0, 5, (4, 1)).astype("int32")]


def nested(layers, keras, np, random):
    """As with a pretrained model: one model is a layer of another."""
    inner = keras.Sequential([keras.Input((8, 8, 2)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Flatten()])
    outer = keras.Input((8, 8, 2))
    return keras.Model(outer, layers.Dense(1)(inner(outer))), [random.rand(4, 8, 8, 2).astype("float32")]


def operators(layers, keras, np, random):
    one = keras.Input((4,))
    return keras.Model(one, layers.Dense(1)(layers.Dense(3)(one) * 2.0 + 1.0)), [random.rand(4, 4).astype("float32")]


def shared(layers, keras, np, random):
    one, other, twice = keras.Input((4,)), keras.Input((4,)), layers.Dense(3)
    return keras.Model([one, other], layers.Dense(1)(layers.Add()([twice(one), twice(other)]))), [random.rand(4, 4).astype("float32") for _ in range(2)]


GRAPHS = {
    "merging": merging, "merging-dot": merging_dot, "attention": attention, "multi-head-attention": multi_head_attention, "text": text,
    "lookup": lookup, "categories": categories, "nested": nested, "operators": operators, "shared": shared,
}  # fmt: skip
