import RestoreText
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

    @Test(arguments: [
        (0, "0"), (7, "7"), (999, "999"), (1000, "1\u{202F}000"), (40_000, "40\u{202F}000"),
        (1_234_567, "1\u{202F}234\u{202F}567"), (-12_345, "−12\u{202F}345"),
        (Int.min, "−9\u{202F}223\u{202F}372\u{202F}036\u{202F}854\u{202F}775\u{202F}808"),
    ])
    func digitsAreGrouped(value: Int, expected: String) {
        #expect(grouped(value) == expected)
    }

    @Test func numbersAreRoundedAndGrouped() {
        #expect(grouped(1999.6) == "2\u{202F}000")
        #expect(grouped(-0.4) == "0")
        #expect(grouped(1e300) == "1e+300")
        #expect(grouped(Double.nan) == "nan")
    }

    @Test(arguments: [
        (0, 4, "0"), (0.012344, 4, "0.01234"), (3.14159, 4, "3.142"), (1234.4, 4, "1234"), (123_456, 4, "123456"),
        (-2.5, 3, "-2.50"), (9.999e-7, 4, "1.00e-6"), (-9.999e-7, 4, "-1.00e-6"), (1.5e20, 4, "1.50e20"),
        (.infinity, 4, "inf"),
    ])
    func digitsAreSignificant(value: Double, digits: Int, expected: String) {
        #expect(significant(value, digits: digits) == expected)
    }

    @Test func momentsAreInUniversalTime() {
        #expect(universalTime(0) == "1970-01-01 00:00 UTC")
        #expect(universalTime(1_769_850_359) == "2026-01-31 09:05 UTC")
        #expect(universalTime(-1) == "1969-12-31 23:59 UTC")
        #expect(universalTime(.max) == "unknown time")
    }
}
