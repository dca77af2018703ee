// What a program has to know of the network $name: sizes, scales, classes, operators.

#ifndef ${guard}_MODEL_SETTINGS_H_
#define ${guard}_MODEL_SETTINGS_H_

#include <cstdint>

// The last part alone needs TensorFlow Lite Micro; the rest is for other programs, too.
#if __has_include("tensorflow/lite/micro/micro_mutable_op_resolver.h")
#define ${guard}_HAS_OPERATORS
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#endif

namespace $namespace {

constexpr int kImageHeight = $height;
constexpr int kImageWidth = $width;
constexpr int kImageChannels = $channels;
constexpr int kImageLength = kImageHeight * kImageWidth * kImageChannels;
constexpr int kNumClasses = $classes;

// Bytes of RAM for the tensors. Measured: the smallest, to 16 bytes, in which TensorFlow
// Lite Micro's reference kernels run the model on the machine that exported it, 64 bits.
// Other kernels need more or less; the size to reserve has a quarter more.
// self_test.cc prints what your target uses.
constexpr int kArenaMeasured = $arena_measured;
constexpr int kArenaSize = $arena_size;

constexpr float kInputScale = $input_scale;
constexpr int kInputZeroPoint = $input_zero_point;
constexpr float kOutputScale = $output_scale;
constexpr int kOutputZeroPoint = $output_zero_point;

// The input byte for a raw pixel, from 0 to 255: scaling to what the network takes is
// inside the model.
inline std::uint8_t QuantizePixel(float pixel) {
  const float step = pixel / kInputScale + kInputZeroPoint + 0.5f;
  return static_cast<std::uint8_t>(step < 0.0f ? 0.0f : step > 255.0f ? 255.0f : step);
}

// The probability that an output byte stands for.
inline float Probability(std::uint8_t step) {
  return kOutputScale * static_cast<float>(step - kOutputZeroPoint);
}

// In UTF-8, in the order of the outputs.
constexpr const char* kClassNames[kNumClasses] = {
$class_names
};

#ifdef ${guard}_HAS_OPERATORS

// The operators that the model has, so that no others are linked.
// Not compiled here: it needs the headers of TensorFlow Lite Micro.
using OperatorResolver = tflite::MicroMutableOpResolver<$operators>;

inline TfLiteStatus AddOperators(OperatorResolver& resolver) {
$registrations
  return kTfLiteOk;
}

#endif  // ${guard}_HAS_OPERATORS

}  // namespace $namespace

#endif  // ${guard}_MODEL_SETTINGS_H_
