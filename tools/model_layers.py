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
    "activations": lambda of, keras: ((6,), [
        of.Dense(4, activation="elu"), of.Activation("relu"), of.LeakyReLU(), of.Dense(4, activation="selu"), of.PReLU(), of.ELU(), of.ReLU(max_value=6.0),
        of.Softmax(), of.Dense(4, activation="swish"), of.Activation("tanh"),
    ]),
    "convolutional-1d": lambda of, keras: ((12, 3), [
        of.Conv1D(4, 3, padding="same"), of.MaxPooling1D(2), of.AveragePooling1D(2), of.ZeroPadding1D(1), of.Cropping1D(1), of.UpSampling1D(2), of.GlobalAveragePooling1D(),
    ]),
    "convolutional-3d": lambda of, keras: ((6, 6, 6, 1), [
        of.Conv3D(2, 3, padding="same"), of.MaxPooling3D(2), of.ZeroPadding3D(1), of.UpSampling3D(2), of.AveragePooling3D(2), of.GlobalMaxPooling3D(),
    ]),
    "transposed": lambda of, keras: ((8, 8, 2), [of.Conv2DTranspose(2, 3, strides=2, padding="same")]),
    "separable": lambda of, keras: ((8, 8, 2), [of.SeparableConv2D(2, 3, padding="same")]),
    "depthwise": lambda of, keras: ((8, 8, 2), [of.DepthwiseConv2D(3, padding="same")]),
    "pooling": lambda of, keras: ((8, 8, 2), [of.AveragePooling2D(2), of.MaxPooling2D(padding="same"), of.GlobalAveragePooling2D()]),
    "shapes": lambda of, keras: ((8, 8, 2), [
        of.ZeroPadding2D(1), of.Cropping2D(1), of.UpSampling2D(2), of.Reshape((16, 32)), of.Permute((2, 1)), of.Flatten(), of.RepeatVector(2),
    ]),
    "normalization": lambda of, keras: ((8, 8, 2), [of.Conv2D(2, 3, use_bias=False, kernel_initializer="he_normal"), of.BatchNormalization(momentum=0.9), of.LayerNormalization()]),
    "group-normalization": lambda of, keras: ((8, 8, 2), [of.GroupNormalization(groups=2), of.UnitNormalization()]),
    "noise": lambda of, keras: ((8, 8, 2), [of.GaussianNoise(0.1), of.GaussianDropout(0.1), of.AlphaDropout(0.1), of.SpatialDropout2D(0.1), of.ActivityRegularization(0.01)]),
    "gru": lambda of, keras: ((5, 3), [of.GRU(2)]),
    "simple-rnn": lambda of, keras: ((5, 3), [of.SimpleRNN(2)]),
    "bidirectional": lambda of, keras: ((5, 3), [of.Bidirectional(of.LSTM(2))]),
    "time-distributed": lambda of, keras: ((5, 3), [of.TimeDistributed(of.Dense(2))]),
    "convolutional-lstm": lambda of, keras: ((3, 6, 6, 1), [of.ConvLSTM2D(2, 3)]),
    "masking": lambda of, keras: ((5, 3), [of.Masking(0.0), of.LSTM(2)]),
    "augmentation": lambda of, keras: ((8, 8, 3), [preprocessing(of, "RandomFlip")(), preprocessing(of, "RandomRotation")(0.1), preprocessing(of, "RandomZoom")(0.1)]),
    "resizing": lambda of, keras: ((8, 8, 3), [preprocessing(of, "Resizing")(6, 6), preprocessing(of, "CenterCrop")(4, 4), preprocessing(of, "Rescaling")(1 / 255)]),
    "regularized": lambda of, keras: ((6,), [
        of.Dense(4, kernel_regularizer=keras.regularizers.l2(0.01), bias_constraint=keras.constraints.NonNeg(), kernel_initializer=keras.initializers.RandomNormal(stddev=0.1)),
    ]),
}  # fmt: skip


def merging(layers, keras, np, random):
    one, other = keras.Input((4,)), keras.Input((4,))
    parts = [
        getattr(layers, name)()([one, other]) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    ]
    return keras.Model([one, other], layers.Dense(1)(layers.Concatenate()(parts))), [random.rand(4, 4).astype("float32") for _ in range(2)]


def merging_dot(layers, keras, np, random):
    one, other = keras.Input((4,)), keras.Input((4,))
    return keras.Model([one, other], layers.Dense(1)(layers.Dot(axes=1)([one, other]))), [
        random.rand(4, 4).astype("float32") for _ in range(2)
    ]


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
    return keras.Model(numbers, layers.Dense(1)(layers.Flatten()(layers.Embedding(6, 2)(found)))), [
        random.randint(0, 9, (4, 3)).astype("int32")
    ]


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
    return keras.Model([one, other], layers.Dense(1)(layers.Add()([twice(one), twice(other)]))), [
        random.rand(4, 4).astype("float32") for _ in range(2)
    ]


GRAPHS = {
    "merging": merging, "merging-dot": merging_dot, "attention": attention, "multi-head-attention": multi_head_attention, "text": text,
    "lookup": lookup, "categories": categories, "nested": nested, "operators": operators, "shared": shared,
}  # fmt: skip
