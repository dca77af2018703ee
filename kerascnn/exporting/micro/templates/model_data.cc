#include "model_data.h"

namespace $namespace {

// The weights are read where they are, so that they have to be aligned.
alignas(16) const unsigned char kModel[] = {
$model
};
const unsigned int kModelLength = $length;

}  // namespace $namespace
