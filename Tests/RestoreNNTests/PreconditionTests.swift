import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Broken contracts stop the program at once, whatever the build.
@Suite struct PreconditionTests {
    @Test func networksAreBuiltRight() async {
        await #expect(processExitsWith: .failure) {
            var network = Network()
            _ = network.input("x")
            _ = network.input("x")
        }
        await #expect(processExitsWith: .failure) {
            var other = Network()
            _ = other.input("a")
            let late = other.input("b")
            var network = Network()
            network.output(network.add("sum", Add(), network.input("x"), late))
        }
    }

    @Test func operatorsHaveSizes() async {
        await #expect(processExitsWith: .failure) {
            _ = Convolution(inputChannels: 0, outputChannels: 1, kernel: 1)
        }
        await #expect(processExitsWith: .failure) {
            _ = Convolution(inputChannels: 1, outputChannels: 1, kernel: 1, stride: 0)
        }
        await #expect(processExitsWith: .failure) {
            _ = TransposedConvolution(
                inputChannels: 1, outputChannels: 1, kernel: 3, stride: 2, outputPadding: 2)
        }
        await #expect(processExitsWith: .failure) { _ = GroupNormalization(channels: 4, groups: 3) }
    }

    @Test func plansGetWhatTheyWereMadeFor() async {
        await #expect(processExitsWith: .failure) {
            let one = network(of: Convolution(inputChannels: 1, outputChannels: 1, kernel: 1))
            let other = network(of: Convolution(inputChannels: 1, outputChannels: 2, kernel: 1))
            _ = try InferencePlan(
                one, inputShapes: [Shape(batch: 1, height: 1, width: 1, channels: 1)],
                parameters: Parameters(initializing: other, seed: 1), pool: WorkerPool(workerCount: 1))
        }
        await #expect(processExitsWith: .failure) {
            let network = network(of: Activation(.relu))
            let shape = Shape(batch: 1, height: 1, width: 1, channels: 1)
            let plan = try TrainingPlan(network, inputShapes: [shape], pool: WorkerPool(workerCount: 1))
            _ = plan.inputGradient(0)
        }
    }

    @Test func aPoolIsNotEnteredTwice() async {
        await #expect(processExitsWith: .failure) {
            let pool = WorkerPool(workerCount: 2)
            pool.run(taskCount: 4) { _, _ in pool.run(taskCount: 4) { _, _ in } }
        }
    }
}
