import RestoreTraining
import Testing

@Suite struct FormattingTests {
    @Test(arguments: [
        (0, 2, "0.00"), (1, 0, "1"), (1.5, 0, "2"), (2.25, 1, "2.3"), (0.004, 2, "0.00"), (0.006, 2, "0.01"),
        (0.05, 1, "0.1"), (12.3456, 3, "12.346"), (99.996, 2, "100.00"), (1e9, 1, "1000000000.0"),
        (-1.25, 2, "-1.25"), (-0.004, 2, "0.00"), (-0.006, 2, "-0.01"), (-7, 0, "-7"), (0.0625, 6, "0.062500"),
    ])
    func decimalsAreRounded(value: Double, count: Int, expected: String) {
        #expect(decimals(value, count) == expected)
    }

    @Test func numbersThatHaveNoDecimalsStay() {
        #expect(decimals(.nan, 2) == "nan")
        #expect(decimals(.infinity, 2) == "inf")
        #expect(decimals(-.infinity, 0) == "-inf")
        #expect(decimals(1e300, 2) == "1e+300")
    }

    @Test(arguments: [
        (0, "0 s"), (0.4, "0 s"), (0.6, "1 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"),
        (605, "10 min 05 s"), (3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"), (3900, "1 h 05 min"),
        (7199, "1 h 59 min"), (360_000, "100 h 00 min"),
    ])
    func durationsAreWords(seconds: Double, expected: String) {
        #expect(duration(seconds) == expected)
    }

    @Test(arguments: [Double.nan, .infinity, 1e18, -1e18])
    func aTimeThatNobodyKnowsIsUnknown(seconds: Double) {
        #expect(duration(seconds) == "unknown time")
    }

    @Test func durationsOfTheClockBecomeSeconds() {
        #expect(Duration.milliseconds(1250).seconds == 1.25)
        #expect(Duration.seconds(3).seconds == 3)
    }
}
