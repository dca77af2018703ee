// Classifies the sample on the target, and holds the answer to the one expected.
// Not compiled here: it needs the headers and the library of TensorFlow Lite Micro.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "model_data.h"
#include "model_settings.h"
#include "sample.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/system_setup.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

// Kernels round in different ways: so many steps of an output byte are no mistake.
constexpr int kTolerance = 8;

alignas(16) std::uint8_t arena[$namespace::kArenaSize];

int Fail(const char* reason) {
  std::printf("FAILED: %s\n", reason);
  return 1;
}

int Test() {
  using namespace $namespace;
  const tflite::Model* model = tflite::GetModel(kModel);
  if (model->version() != TFLITE_SCHEMA_VERSION) {
    return Fail("TensorFlow Lite Micro has another version of the schema");
  }
  static OperatorResolver resolver;
  if (AddOperators(resolver) != kTfLiteOk) {
    return Fail("an operator cannot be added");
  }
  static tflite::MicroInterpreter interpreter(model, resolver, arena, kArenaSize);
  if (interpreter.AllocateTensors() != kTfLiteOk) {
    return Fail("the arena is too small, or an operator is missing");
  }
  std::printf("arena: %u of %d bytes\n",
              static_cast<unsigned>(interpreter.arena_used_bytes()), kArenaSize);
  std::uint8_t* input = interpreter.input(0)->data.uint8;
  for (int i = 0; i < kImageLength; ++i) {
    input[i] = QuantizePixel(kSampleImage[i]);
  }
  if (interpreter.Invoke() != kTfLiteOk) {
    return Fail("the model cannot be run");
  }
  const std::uint8_t* output = interpreter.output(0)->data.uint8;
  int likeliest = 0;
  int largest_difference = 0;
  for (int i = 0; i < kNumClasses; ++i) {
    const int difference = std::abs(output[i] - kSampleAnswer[i]);
    if (output[i] > output[likeliest]) likeliest = i;
    if (difference > largest_difference) largest_difference = difference;
  }
  std::printf("class: %s, expected: %s; largest difference: %d of 255\n",
              kClassNames[likeliest], kClassNames[kSampleClass], largest_difference);
  if (likeliest != kSampleClass) return Fail("another class");
  if (largest_difference > kTolerance) return Fail("another answer");
  std::printf("passed\n");
  return 0;
}

}  // namespace

int main() {
  tflite::InitializeTarget();
  return Test();
}
