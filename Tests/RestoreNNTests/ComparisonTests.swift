import TestSupport
import Testing

/// The comparison that all other tests lean on.
@Suite struct ComparisonTests {
    private let tolerance = Tolerance(absolute: 0.1, relative: 0.01)

    @Test func whatAgrees() {
        #expect(worstDifference([], [], tolerance) == nil)
        #expect(worstDifference([1, 100, -5], [1.05, 101, -5.12], tolerance) == nil)
        #expect(worstDifference([0, .infinity, -.infinity], [-0.0, .infinity, -.infinity], .exact) == nil)
    }

    @Test func theWorstPlaceIsNamed() {
        let found = worstDifference([1, 2, 3, 4], [1, 2.2, 5, 4], tolerance)
        #expect(
            found
                == "2 of 4 values differ, most at [2]: found 3.0, expected 5.0, 13.333333 times the tolerance"
        )
        #expect(worstDifference([1], [1, 2], tolerance) == "1 values, expected 2")
        #expect(worstDifference([1], [1.0000001], .exact) != nil)
    }

    @Test func whatIsNoNumberAgreesWithNothing() {
        for (found, expected) in [
            (Float.nan, Float(1)), (1, .nan), (.nan, .nan), (.infinity, 1), (1, .infinity),
            (.infinity, -.infinity),
        ] {
            #expect(worstDifference([found], [expected], tolerance) != nil, "\(found), \(expected)")
            #expect(worstDifference([found], [expected], Tolerance(absolute: .infinity, relative: 0)) != nil)
            let message = worstDifference([0, 7, found], [0, 1, expected], tolerance)
            #expect(message?.contains("most at [2]") == true, "\(message ?? "nothing")")
        }
    }

    @Test func bits() {
        #expect(firstDifferentBits([0, .nan], [0, .nan]) == nil)
        #expect(firstDifferentBits([1, 0], [1, -0.0])?.contains("first at [1]") == true)
        #expect(firstDifferentBits([1], []) == "1 values, expected 0")
    }

    @Test func configurationAndSeedAreReported() {
        withKnownIssue {
            expectClose([1], [2], "a configuration", seed: 42)
        } matching: { issue in
            issue.comments.contains {
                $0.rawValue.hasPrefix("a configuration, seed 42: 1 of 1 values differ")
            }
        }
        withKnownIssue {
            expectSameBits([1], [2], "a configuration")
        } matching: { issue in
            issue.comments.contains {
                $0.rawValue.hasPrefix("a configuration: the bits of 1 of 1 values differ")
            }
        }
    }

    @Test func layoutsGoBothWays() {
        // Two pictures of three channels, 1×2: the value says picture, channel, column.
        let nchw: [Float] = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]
        let nhwc = tensor(nchw: [2, 3, 1, 2], values: nchw)
        #expect(nhwc.values == [0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121])
        #expect(nhwc[1, 0, 1, 2] == 121)
        #expect(valuesInNCHW(nhwc) == nchw)
        #expect(nhwc.picture(1).values == [100, 110, 120, 101, 111, 121])
        #expect(nhwc.cropped(rows: 0..<1, columns: 1..<2).values == [1, 11, 21, 101, 111, 121])
    }
}
