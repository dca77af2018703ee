// The network $name in 8 bits, a TFLite file as an array.

#ifndef ${guard}_MODEL_DATA_H_
#define ${guard}_MODEL_DATA_H_

namespace $namespace {

extern const unsigned char kModel[];
extern const unsigned int kModelLength;  // in bytes

}  // namespace $namespace

#endif  // ${guard}_MODEL_DATA_H_
