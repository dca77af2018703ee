#include "sample.h"

namespace $namespace {

const unsigned char kSampleImage[] = {
$sample_image
};
const unsigned char kSampleAnswer[] = {
$sample_answer
};

}  // namespace $namespace
