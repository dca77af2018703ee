// The operators of the network $name alone, so that no others are linked.
// Not compiled here: it needs the headers of TensorFlow Lite Micro.

#ifndef ${guard}_MODEL_OPERATORS_H_
#define ${guard}_MODEL_OPERATORS_H_

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace $namespace {

using OperatorResolver = tflite::MicroMutableOpResolver<$operators>;

inline TfLiteStatus AddOperators(OperatorResolver& resolver) {
$registrations
  return kTfLiteOk;
}

}  // namespace $namespace

#endif  // ${guard}_MODEL_OPERATORS_H_
