"""The names that Keras brings: classes, functions, and what it knows by a shorter name.

Read from keras 3.x of TensorFlow 2.20, tf_keras 2.20 and the Keras of TensorFlow 2.12; classes of older releases stand with them.
"""

from __future__ import annotations

__all__ = ["ABBREVIATIONS", "CLASSES", "FUNCTIONS", "OPTIMIZERS", "is_short_name"]

# Short names of losses and metrics: in an .h5, Keras 3 does not find each by them.
ABBREVIATIONS = frozenset(("mse", "mae", "mape", "msle", "kld", "bce", "MSE", "MAE", "MAPE", "MSLE", "KLD", "BCE"))

_CLASSES_TEXT = """
AUC AWQConfig AWQDTypePolicy AbsMaxQuantizer AbstractRNNCell Accuracy Activation ActivityRegularization Adadelta
Adafactor Adagrad Adam AdamW Adamax AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AddLoss AddMetric AdditiveAttention
AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D
AvgPool2D AvgPool3D BaseLossScaleOptimizer BatchNormalization BatchNormalizationV1 BatchNormalizationV2
Bidirectional BinaryAccuracy BinaryCrossentropy BinaryFocalCrossentropy BinaryIoU BucketizedColumn CTC
CategoricalAccuracy CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy
CategoricalHinge CategoryEncoding CenterCrop Circle ClassMethod Concatenate ConcordanceCorrelation Constant
Constraint ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D
Convolution2DTranspose Convolution3D Convolution3DTranspose CosineDecay CosineDecayRestarts CosineSimilarity
Cropping1D Cropping2D Cropping3D CrossedColumn CuDNNGRU CuDNNLSTM CutMix DTypePolicy DTypePolicyMap Dense
DenseFeatures DepthwiseConv1D DepthwiseConv2D Dice Discretization Dot Dropout DynamicEmbedding DynamicLookup
DynamicLossScale ELU EinsumDense Embedding EmbeddingColumn Equalization ExponentialDecay F1Score FBetaScore
FalseNegatives FalsePositives FixedLossScale Flatten FlaxLayer Float8QuantizationConfig FloatDTypePolicy Ftrl
Functional GPTQConfig GPTQDTypePolicy GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D
GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlorotNormal
GlorotUniform GroupNormalization GroupQueryAttention GroupedQueryAttention HashedCategoricalColumn HashedCrossing
Hashing HeNormal HeUniform Hinge Huber Identity IdentityCategoricalColumn IdentityInitializer IndicatorColumn
Initializer InputLayer InputSpec InstanceMethod InstanceProperty Int4DTypePolicy Int4QuantizationConfig
Int8QuantizationConfig IntegerLookup InverseTimeDecay IoU JaxLayer KLDivergence L1 L1L2 L2 LSTM LSTMCell Lamb
Lambda Layer LayerNormalization LeakyReLU LearningRateSchedule LecunNormal LecunUniform LinearModel Lion
LocallyConnected1D LocallyConnected2D LogCosh LogCoshError Loss LossFunctionWrapper LossScaleOptimizer LossScaleOptimizerV1
LossScaleOptimizerV3 Masking
MaxNorm MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum Mean
MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanRelativeError MeanSquaredError
MeanSquaredLogarithmicError MeanTensor MelSpectrogram Metric MinMaxNorm Minimum MixUp Model MultiHeadAttention
MultiOptimizer Multiply Muon Nadam Network NonNeg Normalization NumericColumn OneHotIoU OneHotMeanIoU Ones
Optimizer OptimizerMap OptimizerV2 Orthogonal OrthogonalInitializer OrthogonalRegularizer PReLU PearsonCorrelation
PeepholeLSTMCell Permute PiecewiseConstantDecay Pipeline Poisson Policy PolicyV1 PolynomialDecay Precision
PrecisionAtRecall PreprocessingLayer QuantizationConfig QuantizedDTypePolicy QuantizedFloat8DTypePolicy Quantizer
R2Score RMSNormalization RMSprop RNN RadialConstraint RandAugment RandomBrightness RandomColorDegeneration
RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomFourierFeatures
RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomNormal RandomPerspective
RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomUniform
RandomWidth RandomZoom ReLU Recall RecallAtPrecision Reduction ReductionV2 Regularizer RepeatVector Rescaling
Reshape Resizing ReversibleEmbedding RootMeanSquaredError SGD STFT STFTInitializer STFTSpectrogram
ScheduleFreeAdamW SeedGenerator SensitivityAtSpecificity SeparableConv1D SeparableConv2D SeparableConvolution1D
SeparableConvolution2D SequenceCategoricalColumn SequenceFeatures SequenceNumericColumn Sequential
SharedEmbeddingColumn SimpleRNN SimpleRNNCell SlicingOpLambda Softmax Solarization SparseCategoricalAccuracy
SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpatialDropout1D SpatialDropout2D SpatialDropout3D
SpecificityAtSensitivity SpectralNormalization SquaredHinge StackedRNNCells StringLookup Subtract Sum
SumOverBatchSize SumOverBatchSizeMetric SumOverBatchSizeMetricWrapper SyncBatchNormalization TFOpLambda
TFOptimizer TFSMLayer TensorFlowOpLayer TensorShape TextVectorization ThresholdedReLU TimeDistributed
TopKCategoricalAccuracy TorchModuleWrapper TrueNegatives TruePositives TruncatedNormal Tversky UnitNorm
UnitNormalization UpSampling1D UpSampling2D UpSampling3D VarianceScaling VocabularyFileCategoricalColumn
VocabularyListCategoricalColumn WeightedCategoricalColumn WideDeepModel Wrapper ZeroPadding1D ZeroPadding2D
ZeroPadding3D Zeros
"""
_FUNCTIONS_TEXT = """
BCE KLD MAE MAPE MSE MSLE acc accuracy bce binary_accuracy binary_crossentropy binary_focal_crossentropy
categorical_accuracy categorical_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy
categorical_hinge ce celu circle concordance_correlation cosine cosine_proximity cosine_similarity cross_entropy
crossentropy ctc dice elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh hinge huber
kl_divergence kld kullback_leibler_divergence l1_l2 leaky_relu linear log_cosh log_sigmoid log_softmax logcosh mae
mape mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error mish mse
msle pearson_correlation poisson relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign
sparse_categorical_accuracy sparse_categorical_crossentropy sparse_plus sparse_sigmoid
sparse_top_k_categorical_accuracy sparsemax squared_hinge squareplus swish tanh tanh_shrink threshold
top_k_categorical_accuracy tversky
"""
_OPTIMIZERS_TEXT = "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lion LossScaleOptimizer LossScaleOptimizerV3 Nadam RMSprop SGD"
_SHORT_TEXT = """
constant glorot_normal glorot_uniform he_normal he_uniform identity l1 l1_l2 l2 lecun_normal lecun_uniform
max_norm maxnorm min_max_norm non_neg nonneg normal one ones orthogonal orthogonal_regularizer radial_constraint
random_normal random_uniform stft truncated_normal uniform unit_norm unitnorm variance_scaling zero zeros
"""

CLASSES = frozenset(_CLASSES_TEXT.split())
FUNCTIONS = frozenset(_FUNCTIONS_TEXT.split())
OPTIMIZERS = frozenset(_OPTIMIZERS_TEXT.split())
_SHORT = frozenset(_SHORT_TEXT.split())
_FOLDED = frozenset(_CLASSES_TEXT.lower().split())


def is_short_name(name: str) -> bool:
    """Whether optimizers, initializers, regularizers and constraints know *name*: ``adam``, ``glorot_uniform``, ``l2``."""
    return name in CLASSES or name in _SHORT or name.replace("_", "").lower() in _FOLDED
