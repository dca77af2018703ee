// A training image, and what the network $name answers.

#ifndef ${guard}_SAMPLE_H_
#define ${guard}_SAMPLE_H_

namespace $namespace {

// Raw pixels, row by row, the channels of a pixel together.
extern const unsigned char kSampleImage[];
// Output bytes of the model by TensorFlow Lite Micro's reference kernels.
extern const unsigned char kSampleAnswer[];
constexpr int kSampleClass = $sample_class;

}  // namespace $namespace

#endif  // ${guard}_SAMPLE_H_
