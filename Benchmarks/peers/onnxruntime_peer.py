"""ONNX Runtime on the CPU."""

import onnx_model
import onnxruntime
from case import Case, channels_last


class Peer:
    version = onnxruntime.__version__
    setting = "all graph optimizations, 2 threads, spinning ends with the run"

    def __init__(self, case: Case):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = 2
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # Its threads spin during a run, which makes it faster, but not after it, when they would slow down the others.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            onnx_model.model(case).SerializeToString(), options, providers=["CPUExecutionProvider"])
        self.inputs = {self.session.get_inputs()[0].name: case.planes("input")}

    def run(self):
        return self.session.run(None, self.inputs)[0]

    def results(self):
        return {"expected/output": channels_last(self.run())}


def make(case: Case) -> Peer:
    return Peer(case)
