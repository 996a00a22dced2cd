import RestoreImage
import TestSupport
import Testing

@Suite struct CMYKTests {
    @Test func withoutAProfileInksTakeLightAway() {
        var inks: [UInt8] = []
        var expected: [UInt8] = []
        for c in stride(from: 0, through: 255, by: 5) {
            for k in stride(from: 0, through: 255, by: 5) {
                inks += [UInt8(c), 0, 255, UInt8(k)]
                let light = Double(255 - k)
                expected += [UInt8((Double(255 - c) * light / 255).rounded()), UInt8(light), 0]
            }
        }
        #expect(rgb(fromCMYK: inks, profile: nil) == expected)
        #expect(rgb(fromCMYK: [], profile: nil) == [])
    }

    @Test(arguments: ["display-p3", "gray-gamma22"])
    func aProfileOfAnotherModelCountsForNothing(_ name: String) throws {
        let inks: [UInt8] = [10, 20, 30, 40, 200, 100, 0, 7]
        #expect(try rgb(fromCMYK: inks, profile: profile(name)) == rgb(fromCMYK: inks, profile: nil))
        #expect(rgb(fromCMYK: inks, profile: [1, 2, 3]) == rgb(fromCMYK: inks, profile: nil))
    }

    /// Against Little CMS's own program: `transicc -n -t1 -i cmyk.icc -o '*sRGB'`, inks in per cent; but paper is white,
    /// whatever the table has.
    @Test func aProfileIsFollowed() throws {
        let expected: [(inks: [Double], color: [Double])] = [
            ([0, 0, 0, 0], [255, 255, 255]), ([20, 20, 20, 0], [210.6813, 190.7494, 181.8573]),
            ([60, 20, 0, 20], [79.4027, 148.9532, 176.4816]), ([0, 80, 80, 0], [237.9962, 98.1930, 21.6719]),
            ([0, 0, 0, 60], [117.0354, 117.0353, 117.0353]), ([100, 100, 100, 100], [18.0642, 18.0642, 18.0641]),
        ]
        let inks = expected.flatMap { $0.inks.map { UInt8(($0 * 2.55).rounded()) } }
        let colors = try rgb(fromCMYK: inks, profile: profile("cmyk"))
        for (found, expected) in zip(colors, expected.flatMap(\.color)) {
            #expect(abs(Double(found) - expected) <= 1.5)
        }
        #expect(colors != rgb(fromCMYK: inks, profile: nil))
    }
}
