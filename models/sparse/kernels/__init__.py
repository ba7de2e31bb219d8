"""Work of a GPU that torch has no operation for, in Triton: a kernel a file. Who imports one of them needs Triton."""
