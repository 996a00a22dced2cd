"""OpenVINO on the CPU, from the same ONNX model as ONNX Runtime."""

import onnx_model
import openvino
from case import Case
from openvino.preprocess import PrePostProcessor


class Peer:
    version = openvino.__version__.split("-")[0]
    setting = "channels-last at both ends, latency hint, 1 stream, 2 threads, f32 forced"

    def __init__(self, case: Case):
        core = openvino.Core()
        model = core.read_model(onnx_model.model(case).SerializeToString())
        # Channels-last at both ends, like ours: it uses that layout internally and would otherwise transpose every
        # image twice.
        ends = PrePostProcessor(model)
        for end in (ends.input(), ends.output()):
            end.tensor().set_layout(openvino.Layout("NHWC"))
            end.model().set_layout(openvino.Layout("NCHW"))
        compiled = core.compile_model(ends.build(), "CPU", {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": "2",
            # It uses bf16 by default if the processor supports it.
            "INFERENCE_PRECISION_HINT": "f32",
        })
        self.request = compiled.create_infer_request()
        self.input = case.tensors["input"].copy()
        self.request.set_input_tensor(openvino.Tensor(self.input, shared_memory=True))

    def run(self):
        self.request.infer()

    def results(self):
        self.run()
        return {"expected/output": self.request.get_output_tensor().data.copy()}


def make(case: Case) -> Peer:
    return Peer(case)
