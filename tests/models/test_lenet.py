"""What only LeNet-5 has."""


def test_parameters_of_each_layer_are_those_of_the_docstring(paper_network):
    layers = {x.name: x.count_params() for x in paper_network("lenet").layers}
    assert {name: count for name, count in layers.items() if count} == {
        "block1_conv": 6 * (25 + 1),
        "block2_conv": 2_416,
        "fc1_dense": 120 * (400 + 1),
        "fc2_dense": 84 * (120 + 1),
        "predictions": 850,
    }
